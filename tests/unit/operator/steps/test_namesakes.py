"""An AWS account is the AwsAccount's that its tag names: another one with the same id is not given it."""

from typing import Any

import pytest
from fakes.factory import NAMESPACE, CrashError, Factory, Process, crash

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find

ELSEWHERE = "another-team"


async def copy(factory: Factory, account: AwsAccount, **spec: Any) -> AwsAccount:
    """Another team's, named by the id of `account`, which nobody keeps it from."""
    body = {"metadata": {"name": str(account.account_id)}, "spec": {"email": "mallory@example.com"} | spec}
    made = await factory.accounts.create(ELSEWHERE, body)
    assert made.account_id == account.account_id
    return made


async def reconciled(process: Process, account: AwsAccount) -> AwsAccount:
    """As reconciles leave it."""
    return await process.until(account.metadata.name, namespace=account.metadata.namespace)


def refusal(account: AwsAccount) -> str | None:
    """Why it has failed."""
    assert (account.status.phase, account.status.aws_account_id) == ("failed", None)
    stalled = find(account.status.conditions, "Stalled")
    return stalled.reason if stalled else None


async def tag(factory: Factory, aws_account_id: str | None, key: str) -> None:
    """As the platform team does in Organizations."""
    organizations = await factory.client("organizations")
    tags: Any = [{"Key": "aibatteriesincluded.com/resource", "Value": key}]
    organizations.tag_resource(ResourceId=aws_account_id, Tags=tags)


async def test_whose_root_address_is_anothers_by_its_id_is_refused(factory: Factory) -> None:
    process = await factory.active()
    thief = await reconciled(process, await copy(factory, await factory.account()))
    assert refusal(thief) == "AccountIdTaken"
    assert "by its tag aibatteriesincluded.com/resource another AwsAccount's" in (thief.status.error or "")
    assert process.deps.creations.held == 0, "its place is another's"


async def test_what_takes_over_an_aws_account_by_its_number_is_refused(factory: Factory) -> None:
    process = await factory.active()
    theirs = (await factory.account()).status.aws_account_id
    thief = await reconciled(process, await copy(factory, await factory.account(), awsAccountId=theirs))
    assert refusal(thief) == "NotOurAccount"


async def nothing(_: str) -> None:
    """AWS lists creations for 90 days only."""


@pytest.mark.parametrize("listed", [True, False])
async def test_who_lost_the_answer_takes_nothing_of_the_others_for_its_own(factory: Factory, listed: bool) -> None:
    await factory.active()
    thief, process = await copy(factory, await factory.account()), await factory.start()
    process.before_call = crash("organizations:CreateAccount")
    with pytest.raises(CrashError):
        await reconciled(process, thief)
    process = await factory.start()
    if not listed:
        process.deps.aws.creations.find = nothing  # type: ignore[assignment, method-assign]
    thief = await reconciled(process, thief)
    assert refusal(thief) == "AccountIdTaken"
    assert thief.status.create_request is not None
    assert bool(thief.status.create_request.found) is listed, "whether it followed the other's request to its end"


async def test_a_creation_of_the_others_that_is_under_way_is_not_its_own(factory: Factory) -> None:
    """AWS refuses the address while the other's account is not listed yet."""
    process = await factory.active()
    real, looks = process.deps.aws.organizations.find_account_by_email, list[str]()

    async def not_at_first(email: str) -> str | None:
        looks.append(email)
        return None if len(looks) == 1 else await real(email)

    process.deps.aws.organizations.find_account_by_email = not_at_first  # type: ignore[method-assign]
    thief = await reconciled(process, await copy(factory, await factory.account()))
    assert looks
    assert refusal(thief) == "AccountIdTaken"


async def test_who_comes_second_is_not_given_what_the_first_administers(factory: Factory) -> None:
    process, victim = await factory.start(), await factory.add()
    squatter = await reconciled(process, await copy(factory, victim))
    assert squatter.status.phase == "active"
    assert refusal(await process.until("acme")) == "AccountIdTaken"


async def test_one_that_is_moved_to_another_namespace_goes_on_when_the_tag_says_so(factory: Factory) -> None:
    process = await factory.active()
    theirs = (await factory.account()).status.aws_account_id
    # By the same owner: another one is refused whatever the name (test_owners).
    moved = await reconciled(process, await copy(factory, await factory.account(), email="acme@example.com"))
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await tag(factory, theirs, moved.key)
    again = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}
    moved = await reconciled(process, await factory.accounts.merge(ELSEWHERE, moved.metadata.name, again))
    assert (moved.status.phase, moved.status.aws_account_id) == ("active", theirs)


async def test_who_is_refused_and_not_wanted_any_more_is_let_go(factory: Factory) -> None:
    process = await factory.active()
    thief = await reconciled(process, await copy(factory, await factory.account()))
    await factory.accounts.merge(ELSEWHERE, thief.metadata.name, {"spec": {"suspended": True}})
    thief = await reconciled(process, thief)
    assert thief.status.create_request is None
    assert (await process.until("acme")).status.phase == "active"


async def test_nobody_closes_what_the_tag_says_is_anothers(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    await tag(factory, (await factory.account()).status.aws_account_id, "another-team/acme")
    meta = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["metadata"]
    meta["deletionTimestamp"], meta["generation"] = "2026-01-01T00:00:00Z", meta["generation"] + 1
    account = await process.until("acme")
    stalled = find(account.status.conditions, "Stalled")
    assert stalled is not None
    assert stalled.reason == "NotOurAccount"
