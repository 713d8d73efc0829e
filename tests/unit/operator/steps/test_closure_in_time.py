"""An account whose object stays is closed in AWS when its time has come, never earlier, and can come back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes.crashes import dies_at
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, Process, left_the_organization, refusal

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find, is_true
from batteries_crds.identity import ObjectRef
from batteries_operator.cli import orphans
from batteries_operator.steps.pipeline import steps_for

OPEN = ["octo-org/web"]
CLOSE = "organizations:CloseAccount"


async def state(factory: Factory, name: str = "acme") -> str:
    organizations = await factory.client("organizations")
    account = await factory.account(name)
    answer = await asyncio.to_thread(organizations.describe_account, AccountId=account.status.aws_account_id)
    return str(answer["Account"]["State"])


async def come(factory: Factory, at: str, name: str = "acme") -> None:
    """The operator wrote that the time has come."""
    await factory.accounts.merge_status(NAMESPACE, name, {"status": {"closureDueAt": at}})


async def due(factory: Factory, name: str = "acme") -> str:
    """The owner leaves, at once."""
    at = to_rfc3339(utc_now())
    await factory.change(name, closeAt=at)
    await come(factory, at, name)
    return at


async def closed(factory: Factory) -> Process:
    process = await factory.active(githubRepos=OPEN)
    await due(factory)
    account = await process.until("acme")
    assert (account.is_closed, await state(factory)) == (True, "CLOSED")
    return process


def said(account: AwsAccount, condition: str) -> tuple[str, str, str]:
    found = find(account.status.conditions, condition)
    assert found is not None, condition
    return str(found.status), found.reason, found.message


async def test_it_is_only_suspended_until_its_time_and_closed_then(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    at = to_rfc3339(utc_now() + timedelta(days=7))
    await factory.change(closeAt=at)
    account = await process.until("acme")
    assert (account.status.phase, await state(factory)) == ("suspended", "ACTIVE")
    await come(factory, to_rfc3339(utc_now()))  # of an earlier time
    account = await process.until("acme")
    assert (CLOSE in process.calls, find(account.status.conditions, "Closed")) == (False, None)
    await asyncio.sleep(timedelta(days=7, seconds=1).total_seconds())
    await come(factory, at)
    account = await process.until("acme")
    assert (process.calls.count(CLOSE), await state(factory)) == (1, "CLOSED")
    assert said(account, "Closed")[:2] == ("True", "Done")
    assert said(account, "Suspended")[:2] == ("True", "ClosureRequested")
    assert f"was closed on {to_rfc3339(account.status.closed_at or utc_now())}" in said(account, "Suspended")[2]
    assert account.status.closed_at == account.status.closure_requested_at
    assert (account.status.phase, account.status.error) == ("suspended", None)
    assert not is_true(account.status.conditions, "Ready")
    assert process.deps.closures.held == 0
    assert ("Normal", "Closed") in process.events


async def test_it_is_quarantined_before_aws_is_asked_and_suspended_while_aws_closes_it(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    await due(factory)
    seen: list[tuple[str, str, bool]] = []

    def look(account: AwsAccount) -> None:
        if account.status.closure_requested_at is not None:
            found = find(account.status.conditions, "Suspended")
            seen.append((str(account.status.phase), said(account, "Closed")[1], found is not None))

    await process.until("acme", look=look)
    order = [each for each in process.calls if each in ("organizations:MoveAccount", CLOSE)]
    assert order[-2:] == ["organizations:MoveAccount", CLOSE]
    assert ("suspended", "ClosingAccount", False) in seen


@pytest.mark.parametrize("change", ["taken back", "postponed", "deleted", "replaced", "not yet there"])
async def test_one_that_kubernetes_says_is_to_stay_is_not_closed(factory: Factory, change: str) -> None:
    """The operator's cache is behind: what counts is what Kubernetes says right before the call."""
    process = await factory.active()
    at = await due(factory)
    asked = asyncio.Event()
    read = process.deps.live.read
    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "taken back": lambda raw: raw["spec"].pop("closeAt"),
        "postponed": lambda raw: raw["spec"].update(closeAt=to_rfc3339(utc_now() + timedelta(days=1))),
        "deleted": lambda raw: raw["metadata"].update(deletionTimestamp=at),
        "replaced": lambda raw: raw["metadata"].update(uid="another"),
        "not yet there": lambda raw: None,
    }

    async def changed_before(account: ObjectRef) -> Any:
        asked.set()
        if change == "not yet there":
            factory.cluster.ahead = -timedelta(days=1)
        changes[change](factory.cluster.objects["AwsAccount", NAMESPACE, "acme"])
        if change == "replaced":
            account = replace(account, uid="earlier")
        return await read(account)

    process.deps.live.read = changed_before  # type: ignore[method-assign]
    with pytest.raises(AssertionError):  # it waits, or has come to rest
        await process.until("acme", lambda account: account.is_closed, seconds=1)
    assert asked.is_set()
    assert CLOSE not in process.calls
    assert await state(factory) == "ACTIVE"
    assert process.deps.closures.held == 0


async def test_one_whose_time_has_come_in_kubernetes_in_this_second_is_closed(factory: Factory) -> None:
    process = await factory.active()
    factory.cluster.ahead = timedelta(seconds=5)  # only the earlier of the clocks counts
    await due(factory)
    assert (await process.until("acme")).is_closed


async def test_taken_back_in_time_it_opens_and_was_never_closed(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    await factory.change(closeAt=to_rfc3339(utc_now() + timedelta(days=7)))
    await process.until("acme")
    await factory.change(closeAt=None)
    account = await process.until("acme")
    assert (account.status.phase, CLOSE in process.calls) == ("active", False)
    assert await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")


async def test_taken_back_in_the_queue_it_opens_and_leaves_the_queue(factory: Factory) -> None:
    process = await factory.active()
    await due(factory)
    full = refusal(CLOSE, "ConstraintViolationException", reason="CLOSE_ACCOUNT_QUOTA_EXCEEDED")
    process.before_call = full
    account = await process.until("acme", lambda each: process.deps.closures.waiting == 1)
    assert (account.status.phase, said(account, "Ready")[1]) == ("suspended", "ClosureQuotaReached")
    await factory.change(closeAt=None)
    account = await process.until("acme")
    assert (account.status.phase, await state(factory)) == ("active", "ACTIVE")
    assert process.deps.closures.waiting == 0
    assert find(account.status.conditions, "Closed") is None


async def test_after_the_closure_nothing_is_pending_and_the_resync_only_looks(factory: Factory) -> None:
    process = await closed(factory)
    await factory.change(githubRepos=["octo-org/other"])
    account = await process.until("acme")
    assert account.status.observed_generation == account.metadata.generation
    writes, fresh = len(factory.cluster.writes), await factory.start()
    assert await fresh.resync(account) is False
    assert fresh.calls == ["organizations:DescribeAccount"]
    assert len(factory.cluster.writes) == writes


async def test_a_closed_account_that_aws_deleted_for_good_stays_as_it_is(factory: Factory) -> None:
    process = await closed(factory)
    account, writes = await factory.account(), len(factory.cluster.writes)
    process.before_call = left_the_organization
    assert await process.resync(account) is False
    assert len(factory.cluster.writes) == writes


async def test_wanted_again_it_waits_and_says_until_when_and_goes_on_when_it_is_reopened(factory: Factory) -> None:
    process = await closed(factory)
    await factory.change(closeAt=None)
    account = await process.until("acme")
    until = to_rfc3339(account.reopenable_until or utc_now())
    assert f"Only AWS Support can reopen it, until {until}; it goes on by itself then." in (account.status.error or "")
    assert (said(account, "Ready")[1], said(account, "Closed")[0]) == ("AccountGone", "True")
    assert await process.resync(account) is None, "nothing new"
    await factory.standin(f"accounts/{account.status.aws_account_id}", {"state": "ACTIVE"})
    await process.resync(account)
    account = await process.until("acme")
    assert (account.status.phase, account.is_closed, account.status.closure_requested_at) == ("active", False, None)
    assert find(account.status.conditions, "Closed") is None
    assert account.status.reopened_at is not None
    assert await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")


async def test_one_that_is_reopened_while_it_is_to_be_closed_is_not_closed_again_for_that(factory: Factory) -> None:
    process = await closed(factory)
    account = await factory.account()
    await asyncio.sleep(2)
    await factory.standin(f"accounts/{account.status.aws_account_id}", {"state": "ACTIVE"})
    await process.resync(account)
    account = await process.until("acme")
    assert (account.is_closed, account.status.phase, process.calls.count(CLOSE)) == (False, "suspended", 1)
    assert ("Warning", "Closed") in process.events
    await asyncio.sleep(2)
    await due(factory)  # again, and later
    account = await process.until("acme")
    assert (account.is_closed, process.calls.count(CLOSE)) == (True, 2)


async def test_one_that_left_the_organization_before_its_closure_is_told_of_and_stays(factory: Factory) -> None:
    process = await factory.active()
    await due(factory)
    process.before_call = left_the_organization
    account = await process.until("acme")
    assert (said(account, "Closed")[:2], account.is_closed) == (("False", "AccountGone"), False)
    process.before_call = lambda *_: None
    await process.resync(account)
    assert (await process.until("acme")).is_closed


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_the_object_of_a_closed_account_is_let_go_without_a_call(factory: Factory, policy: str) -> None:
    process = await closed(factory)
    await factory.change(deletionPolicy=policy)
    await process.until("acme")
    calls = len(process.calls)
    delete(factory)
    await released(process)
    assert len(process.calls) == calls


async def test_a_crash_at_any_point_closes_it_once(factory: Factory) -> None:
    points = 0
    for kind in ("write", "act"):
        number, crashed = 0, True
        while crashed:
            number += 1
            name = f"{kind}-{number}"
            await factory.active(name)
            await due(factory, name)

            async def settles(process: Process, name: str = name) -> None:
                await process.until(name)

            crashed = await dies_at(factory, kind, number, settles)
            points += crashed
            account = await (await factory.start()).until(name)
            assert (account.is_closed, await state(factory, name)) == (True, "CLOSED")
    assert points > 6


async def test_the_pipeline_of_each_state(factory: Factory) -> None:
    del factory
    at = "2027-01-31T12:00:00Z"

    def names(**status: Any) -> list[str]:
        body = {"awsAccountId": "123456789012", **status}
        meta = {"name": "acme", "namespace": NAMESPACE}
        account = AwsAccount.model_validate(
            {"metadata": meta, "spec": {"email": "a@example.com", "closeAt": at}, "status": body}
        )
        return [step.name.value for step in steps_for(account)]

    assert names()[-1] == "close_deploy_role"
    assert names(closureDueAt="2027-01-31T11:59:59Z")[-1] == "close_deploy_role"
    assert names(closureDueAt=at)[-2:] == ["close_deploy_role", "close_account"]
    assert names(closureDueAt=at, reopenedAt=at)[-1] == "close_deploy_role"
    assert names(closureDueAt=at, reopenedAt="2027-01-31T11:59:59Z")[-1] == "close_account"
    assert names(closedAt=at) == ["create_account", "check_status", "close_account"]


async def test_orphans_does_not_report_what_was_closed_here(factory: Factory) -> None:
    process = await closed(factory)
    accounts = [await factory.account()]
    found = await orphans.find(process.deps.aws, factory.settings, accounts)
    assert (found.orphans, found.lost) == ([], [])
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"closedAt": None}})
    found = await orphans.find(process.deps.aws, factory.settings, [await factory.account()])
    assert [each.state for each in found.lost] == ["CLOSED"]
