"""A member that is deleted: kept or closed by its policy, never silently, and never taken from its claimant."""

import asyncio
from typing import Any

import pytest
from fakes.crashes import dies_at
from fakes.factory import NAMESPACE, Factory, Process, acts
from fakes.members import add_member, claim, mark_deleted, member, ready_member
from unit.operator.pool.test_preparation import unit_of

from batteries_crds.identity import ObjectRef
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.account_tags import tags_for
from batteries_operator.status import events

LATE = 20


async def let_go(process: Process, one: PooledAccount) -> None:
    """As kopf's handler does."""
    process._follow()
    async with asyncio.timeout(LATE):
        await process.members.release(ObjectRef.of(one))


async def state_in_aws(factory: Factory, one: PooledAccount) -> str:
    organizations = await factory.client("organizations")
    return str(organizations.describe_account(AccountId=one.status.aws_account_id)["Account"]["State"])


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the Events of a release say."""
    told: list[str] = []
    before = events.of_release

    def of_release(account: Any) -> events.Event:
        told.append(before(account).message)
        return before(account)

    monkeypatch.setattr(events, "of_release", of_release)
    return told


async def test_a_member_is_kept_in_the_pool_ou_and_an_event_says_what_it_costs(
    factory: Factory, said: list[str]
) -> None:
    process = await ready_member(factory)
    mark_deleted(factory)
    one, before = await member(factory), len(process.calls)
    await let_go(process, one)
    assert not [call for call in process.calls[before:] if acts(call)]
    assert await unit_of(factory, str(one.status.aws_account_id)) == factory.settings.pool_ou_name
    assert ("Normal", "Released") in process.events
    (message,) = said
    for words in (one.status.aws_account_id, "Nobody has had it", "in the OU Pool", "counts towards", "quota"):
        assert str(words) in message


async def test_a_member_is_closed_where_its_policy_says_so(factory: Factory, said: list[str]) -> None:
    process = await ready_member(factory, deletionPolicy="Close")
    mark_deleted(factory)
    one = await member(factory)
    await let_go(process, one)
    assert await state_in_aws(factory, one) == "CLOSED"
    assert said == [f"Let go: AWS account {one.status.aws_account_id} is closed."]


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_member_that_is_deleted_while_it_is_made_is_followed_to_the_end(factory: Factory, policy: str) -> None:
    await add_member(factory, deletionPolicy=policy)
    process = await factory.start()
    await process.until("one", lambda account: account.status.create_request is not None, of=process.members)
    mark_deleted(factory)
    one = await member(factory)
    await let_go(process, one)
    after = await member(factory)
    assert after.status.aws_account_id is not None
    assert await factory.requests(one) == 1
    assert await state_in_aws(factory, after) == ("CLOSED" if policy == "Close" else "ACTIVE")


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_member_for_which_nothing_was_asked_goes_at_once(factory: Factory, policy: str) -> None:
    await add_member(factory, deletionPolicy=policy)
    mark_deleted(factory)
    one, process = await member(factory), await factory.start()
    await let_go(process, one)
    assert await factory.requests(one) == 0
    assert not [call for call in process.calls if acts(call)]


async def test_a_member_without_its_status_is_looked_for_before_it_goes(factory: Factory) -> None:
    await ready_member(factory, deletionPolicy="Close")
    whole = await member(factory)
    factory.cluster.objects["PooledAccount", NAMESPACE, "one"]["status"] = {}
    mark_deleted(factory)
    process = await factory.start()
    await let_go(process, await member(factory))
    assert await state_in_aws(factory, whole) == "CLOSED"


async def handed_over(factory: Factory, one: PooledAccount) -> None:
    """AWS's tags as its claimant's `create_account` leaves them."""
    account, organizations = await factory.account(), await factory.client("organizations")
    tags: Any = [{"Key": key, "Value": value} for key, value in tags_for(account, "acme@example.com").items()]
    organizations.tag_resource(ResourceId=one.status.aws_account_id, Tags=tags)


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_member_that_was_handed_over_goes_without_a_change_in_aws(
    factory: Factory, policy: str, said: list[str]
) -> None:
    process = await ready_member(factory, deletionPolicy=policy)
    await factory.add("acme")
    one = await claim(factory, await factory.account())
    await handed_over(factory, one)
    mark_deleted(factory)
    before = len(process.calls)
    await let_go(process, one)
    assert {*process.calls[before:]} == {"organizations:ListTagsForResource"}
    assert await state_in_aws(factory, one) == "ACTIVE"
    assert "belongs to customers/acme" in said[0]
    assert "Nothing was done to it" in said[0]


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_member_that_does_not_know_of_its_claimant_goes_without_a_change_in_aws(
    factory: Factory, policy: str, said: list[str]
) -> None:
    """As in yesterday's etcd: the tag decides."""
    await ready_member(factory, deletionPolicy=policy)
    await factory.add("acme")
    one = await member(factory)
    await handed_over(factory, one)
    factory.cluster.objects["PooledAccount", NAMESPACE, "one"]["status"]["steps"].pop("check_status")
    mark_deleted(factory)
    process = await factory.start()
    await let_go(process, one)
    assert not [call for call in process.calls if acts(call)]
    assert await state_in_aws(factory, one) == "ACTIVE"
    assert ("Warning", "NotOurAccount") in process.events
    assert "is not this PooledAccount's, so it is left as it is" in said[0]


async def test_a_member_that_is_being_taken_waits_for_its_claimant(factory: Factory) -> None:
    process = await ready_member(factory, deletionPolicy="Close")
    await factory.add("acme")
    one = await claim(factory, await factory.account())
    mark_deleted(factory)
    process._follow()
    going = asyncio.create_task(process.members.release(ObjectRef.of(one)))
    await asyncio.sleep(2)
    assert not going.done()
    waits = await member(factory)
    assert [each.reason for each in waits.status.conditions if each.type == "HandedOver"] == ["ClaimUnderWay"]
    assert await state_in_aws(factory, one) == "ACTIVE"
    await handed_over(factory, one)
    async with asyncio.timeout(60):
        await going
    assert await state_in_aws(factory, one) == "ACTIVE", "it has an owner"


async def test_a_member_whose_claimant_got_another_account_is_nobodys(factory: Factory) -> None:
    """The claim came to nothing, and the claimant lives on: it would wait for ever."""
    process = await factory.active()
    await ready_member(factory, deletionPolicy="Close")
    one = await claim(factory, await factory.account())
    mark_deleted(factory)
    await let_go(process, one)
    assert await state_in_aws(factory, one) == "CLOSED"


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_member_whose_claimant_went_away_goes_by_its_policy(
    factory: Factory, policy: str, said: list[str]
) -> None:
    process = await ready_member(factory, deletionPolicy=policy)
    await factory.add("acme")
    one = await claim(factory, await factory.account())
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await factory.add("acme")  # another one of that name
    mark_deleted(factory)
    await let_go(process, one)
    assert await state_in_aws(factory, one) == ("CLOSED" if policy == "Close" else "ACTIVE")
    assert ("Warning", "ClaimantGone") in process.events
    assert (await member(factory)).is_claimed, "and is never free again"


async def test_a_crash_at_any_point_of_a_closure_closes_it(factory: Factory) -> None:
    died, number = True, 0
    while died:
        number += 1
        name = f"m-{number}"
        await ready_member(factory, name, deletionPolicy="Close")
        mark_deleted(factory, name)
        one = await member(factory, name)
        died = await dies_at(factory, "write", number, lambda process, one=one: let_go(process, one))  # type: ignore[misc]
        if died:
            await let_go(await factory.start(), one)
        assert await state_in_aws(factory, one) == "CLOSED"
    assert number > 2
