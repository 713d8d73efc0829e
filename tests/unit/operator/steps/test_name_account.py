"""An account from a pool is named where a setting asks for it: once, when it is ready; nothing goes by the name."""

from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.crashes import dies_at
from fakes.factory import NAMESPACE, Factory, Process, settings
from fakes.pool import pooled
from fakes.stages import name_in_aws
from unit.operator.steps.test_claim_restore import restore

from batteries_crds.conditions import find, is_true
from batteries_crds.names import ANNOTATION_RETRY
from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError
from batteries_operator.cli import orphans
from batteries_operator.runtime.naming import account_name, names_account, short_id
from batteries_operator.status.pending import blocking, runnable
from batteries_operator.steps.name_account import name_of
from batteries_operator.steps.pipeline import NAME_ACCOUNT, PROVISIONING

PUT = "account:PutAccountName"
REPOSITORIES = ["octo-org/web"]


@pytest.fixture
def operator_settings() -> Any:
    return settings(pool_rename=True)


async def trust(factory: Factory) -> None:
    """As `bootstrap` does where the setting asks for names."""
    organizations = await factory.client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")


async def claimed(factory: Factory, **spec: Any) -> Process:
    """An account that came from the pool, and the process that made it ready."""
    await pooled(factory)
    await factory.add(githubRepos=REPOSITORIES, **spec)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.claim is not None
    return process


async def said(factory: Factory) -> tuple[str, str] | None:
    """Status and reason of the condition; None without one."""
    found = find((await factory.account()).status.conditions, "AccountNamed")
    return None if found is None else (found.status, found.reason)


async def test_it_gets_the_name_that_it_would_have_without_the_pool(factory: Factory) -> None:
    await trust(factory)
    process = await claimed(factory, displayName="Team Payments")
    account = await factory.account()
    cold = account_name("batteries", "Team Payments", str(account.account_id))
    assert cold.startswith("Team Paym")
    assert await name_in_aws(factory, account) == name_of(factory.settings, account) == cold
    assert await said(factory) == ("True", "Done")
    assert process.calls.count(PUT) == 1
    assert ("Normal", "AccountNamed") in process.events
    assert account.status.phase == "active"
    assert account.status.provisioning_step == "complete"


async def test_an_operator_that_starts_again_names_nothing_again(factory: Factory) -> None:
    await trust(factory)
    await claimed(factory)
    process = await factory.start()
    account = await process.until("acme")
    assert not process.controller.observe(account)
    assert process.calls == []


async def test_a_name_of_create_account_that_account_management_refuses_is_mended(factory: Factory) -> None:
    await trust(factory)
    await claimed(factory, displayName="<R&D>")
    assert (await name_in_aws(factory, await factory.account())).startswith("-R&D- ")


@pytest.mark.parametrize("operator_settings", [settings()])
async def test_without_the_setting_it_keeps_the_pools_name_and_is_named_once_the_setting_asks(factory: Factory) -> None:
    process = await claimed(factory)
    account = await factory.account()
    assert account.status.claim is not None
    assert names_account(await name_in_aws(factory, account), account.status.claim.pooled_id)
    assert await said(factory) is None
    assert not [call for call in process.calls if call.startswith("account:")]
    await trust(factory)
    factory.settings = settings(pool_rename=True)
    process = await factory.start()
    assert process.controller.observe(account), "it is pending"
    await process.until("acme")
    assert await name_in_aws(factory, account) == name_of(factory.settings, account)


async def test_an_account_that_aws_was_asked_for_is_not_named_again(factory: Factory) -> None:
    process = await factory.active()
    assert await said(factory) is None
    assert not [call for call in process.calls if call.startswith("account:")]


@pytest.mark.parametrize("operator_settings", [settings()])
async def test_it_is_ready_before_it_was_tried(factory: Factory) -> None:
    await claimed(factory)
    account, steps = await factory.account(), (*PROVISIONING, NAME_ACCOUNT)
    assert is_true(account.status.conditions, "Ready")
    assert find(account.status.conditions, "AccountNamed") is None
    assert runnable(steps, account) == [NAME_ACCOUNT]
    assert blocking(steps, account) is None


async def test_without_trusted_access_it_is_ready_says_why_and_is_named_once_it_is_there(factory: Factory) -> None:
    process = await claimed(factory)
    account = await factory.account()
    await assert_exactly_right(factory, account, mails=0)
    assert await said(factory) == ("False", "AccessDenied")
    told = find(account.status.conditions, "AccountNamed")
    assert told is not None
    assert "no trusted access" in told.message
    assert "`batteries-operator bootstrap`" in told.message
    assert not is_true(account.status.conditions, "Stalled")
    assert not process.controller.observe(account), "it is at rest, so it is compared with AWS"
    assert await process.resync(account) is False
    await trust(factory)
    await process.resync(account)
    assert await said(factory) == ("True", "Done")
    assert await name_in_aws(factory, account) == name_of(factory.settings, account)
    assert not [reason for _, reason in process.events if reason == "Drift"]


async def test_the_retry_annotation_has_it_tried_at_once(factory: Factory) -> None:
    process = await claimed(factory)
    await trust(factory)
    await factory.accounts.merge(NAMESPACE, "acme", {"metadata": {"annotations": {ANNOTATION_RETRY: "1"}}})
    await process.until("acme")
    assert await said(factory) == ("True", "Done")


async def test_a_throttle_holds_nothing_up_and_it_is_tried_on(factory: Factory) -> None:
    await trust(factory)
    throttle = {"kind": "throttle", "service": "account", "operation": "PutAccountName", "times": 3}
    assert await factory.standin("faults", throttle)
    process = await claimed(factory)
    assert process.calls.count(PUT) == 4
    assert (await factory.account()).status.error is None
    assert await said(factory) == ("True", "Done")


async def test_a_name_that_somebody_gave_stays(factory: Factory) -> None:
    await trust(factory)
    throttle = {"kind": "throttle", "service": "account", "operation": "GetAccountInformation", "times": 1000}
    assert await factory.standin("faults", throttle)
    await pooled(factory)
    await factory.add(githubRepos=REPOSITORIES)
    process = await factory.start()
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "Ready"))
    factory.clear_faults()
    names = await factory.client("account", account.status.aws_account_id)
    names.put_account_name(AccountName="Ours")
    account = await process.until("acme")
    assert await name_in_aws(factory, account) == "Ours"
    assert PUT not in process.calls
    assert await said(factory) == ("True", "Done")


@pytest.mark.parametrize("kind", ["write", "act"])
async def test_a_crash_at_any_point_names_it_once(factory: Factory, kind: str) -> None:
    """What is named already is seen to be, and is not named again."""
    await trust(factory)
    number, died, named = 0, True, 0

    def count(process: Process) -> int:
        return sum(call == PUT for call in process.calls)

    while died:
        number += 1
        name, lives = f"{kind}-{number}", list[Process]()
        await pooled(factory, f"m-{name}")
        await factory.add(name, githubRepos=REPOSITORIES)

        async def live(process: Process, name: str = name, lives: list[Process] = lives) -> None:
            lives.append(process)
            await process.until(name)

        died = await dies_at(factory, kind, number, live)
        if died:
            lives.append(await factory.start())
            await lives[-1].until(name)
        account = await factory.account(name)
        assert await name_in_aws(factory, account) == name_of(factory.settings, account)
        assert sum(map(count, lives)) == 1, f"after {kind} {number}"
        named += 1
    assert named > 6


async def test_an_answer_that_is_lost_names_it_and_says_so(factory: Factory) -> None:
    await trust(factory)
    await pooled(factory)
    await factory.add(githubRepos=REPOSITORIES)
    process, lost = await factory.start(), list[str]()

    def lose(operation: str, _: int) -> None:
        if operation == PUT and not lost:
            lost.append(operation)
            raise AwsError(operation, NO_ANSWER, "lost by the test")

    process.after_call = lose
    account = await process.until("acme")
    assert lost
    assert process.calls.count(PUT) == 1
    assert await name_in_aws(factory, account) == name_of(factory.settings, account)
    assert await said(factory) == ("True", "Done")


@pytest.mark.parametrize("suspended", [False, True])
async def test_an_account_that_was_named_is_found_by_its_tag_when_its_status_is_lost(
    factory: Factory, suspended: bool
) -> None:
    """No search goes by the name: neither that for a lost claim, nor that of an account that is not wanted."""
    await trust(factory)
    await claimed(factory)
    await (await factory.start()).until("acme")
    had = await factory.account()
    other = await factory.start()
    await factory.add("other", githubRepos=REPOSITORIES)
    namesake = await other.until("other")
    assert namesake.status.aws_account_id != had.status.aws_account_id
    # Another account gets the very name that acme's has.
    theirs = await factory.client("account", namesake.status.aws_account_id)
    theirs.put_account_name(AccountName=name_of(factory.settings, had))
    objects = factory.cluster.objects
    del objects["AwsAccount", NAMESPACE, "acme"]["status"]
    restore(factory, objects)
    if suspended:
        await factory.change(suspended=True)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id == had.status.aws_account_id
    assert "organizations:CreateAccount" not in process.calls
    assert len(await factory.members(account)) == 1
    if not suspended:
        assert await said(factory) == ("True", "Done")
        assert PUT not in process.calls, "it was seen to have its name"


async def test_an_orphan_that_was_named_is_reported_with_its_display_name(factory: Factory) -> None:
    await trust(factory)
    assert await factory.standin("limits", {"account_name_seconds": 0})
    process = await claimed(factory, displayName="Team Payments")
    account = await factory.account()
    (orphan,) = (await orphans.find(process.deps.aws, factory.settings, [])).orphans
    assert names_account(orphan.member.name, str(account.account_id)), "Organizations shows the new name by now"
    assert orphan.spec["displayName"] == orphan.member.name.removesuffix(short_id(str(account.account_id))).strip()


async def test_a_member_that_nobody_has_keeps_its_neutral_name(factory: Factory) -> None:
    await trust(factory)
    member = await pooled(factory)
    assert NAME_ACCOUNT.name not in member.status.steps
    assert names_account(await name_in_aws(factory, member), str(member.account_id))
