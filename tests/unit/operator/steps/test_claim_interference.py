"""What people and other operators do at any point of a claim: each AwsAccount has one AWS account at most, and each AWS
account one owner.
"""

import asyncio
from collections.abc import Callable

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.claim_points import REPOSITORIES, becomes_active, every_point
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, CrashError, Factory, Process
from fakes.pool import members, pooled
from fakes.pool_owners import assert_one_each, holders

from batteries_crds.base import to_rfc3339, utc_now

PARTS = 4
IN_PARTS = pytest.mark.parametrize("part", range(1, PARTS + 1))
"""Every so many points, so that no test takes long."""

# The AwsAccount is not wanted any more in the middle of it, or must not be given anything.


def suspended(factory: Factory, name: str) -> None:
    factory.cluster.patch("AwsAccount", NAMESPACE, name, {"spec": {"suspended": True}})


def held(factory: Factory, name: str) -> None:
    """As the operator's own task writes it for a blocked or unpaid Customer."""
    hold = {"CustomerBlocked": {"since": to_rfc3339(utc_now())}}
    factory.cluster.patch("AwsAccount", NAMESPACE, name, {"status": {"holds": hold}}, status=True)


def let_go(factory: Factory, name: str) -> None:
    factory.cluster.patch("AwsAccount", NAMESPACE, name, {"spec": {"suspended": False}})
    factory.cluster.patch("AwsAccount", NAMESPACE, name, {"status": {"holds": None}}, status=True)


async def is_free(factory: Factory, name: str) -> bool:
    """Whether the member is as it was."""
    member = await members(factory).get(NAMESPACE, name)
    return not member.is_claimed and member.holder in await holders(factory)


CRASHES = pytest.mark.parametrize("crashes", [False, True], ids=["goes on", "crashes"])
"""Whether the operator goes on with what it was doing, or another one sees it the first time."""


@IN_PARTS
@CRASHES
@pytest.mark.parametrize("stop", [suspended, held], ids=lambda each: str(each.__name__))
async def test_a_suspension_at_any_point_ends_in_one_that_is_closed_or_none(
    factory: Factory, stop: Callable[[Factory, str], None], crashes: bool, part: int
) -> None:
    async def life(factory: Factory, process: Process, name: str) -> None:
        account = await process.until(name)
        if account.is_suspended:
            assert account.status.phase == "suspended"
            has_one = account.key in await holders(factory)
            assert has_one == (account.status.aws_account_id is not None)
            assert has_one != await is_free(factory, name.replace("a", "m"))
            assert has_one or account.status.claim is None
            await assert_one_each(factory)
            let_go(factory, name)
        await becomes_active(factory, process, name)

    def deed(_: Process, __: str, number: int) -> None:
        stop(factory, f"a{number}")
        if crashes:
            raise CrashError

    assert await every_point(factory, deed, life, part, PARTS)


@IN_PARTS
@CRASHES
@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_a_deletion_at_any_point_leaves_nothing_that_nobody_knows(
    factory: Factory, policy: str, crashes: bool, part: int
) -> None:
    async def life(factory: Factory, process: Process, name: str) -> None:
        await factory.change(name, deletionPolicy=policy)
        account = await process.until(name)
        if not account.is_deleted:
            return
        key = account.key
        await released(process, name)
        factory.cluster.delete("AwsAccount", NAMESPACE, name)
        held, free = await holders(factory), await is_free(factory, name.replace("a", "m"))
        everyone = (await factory.standin("accounts"))["accounts"]
        given = [each for each in everyone if each["tags"].get("aibatteriesincluded.com/resource") == key]
        assert len(given) == (0 if free else 1), "it is the member's, or was given away"
        assert [each["state"] for each in given] == ([] if free else ["CLOSED" if policy == "Close" else "ACTIVE"])
        assert len(held.get(key, [])) == (0 if free or policy == "Close" else 1)
        await assert_one_each(factory)

    def deed(_: Process, __: str, number: int) -> None:
        delete(factory, f"a{number}")
        if crashes:
            raise CrashError

    assert await every_point(factory, deed, life, part, PARTS)


# The member goes in the middle of it.


def is_gone(factory: Factory, name: str) -> None:
    factory.cluster.delete("PooledAccount", NAMESPACE, name)


def is_deleted(factory: Factory, name: str) -> None:
    meta = factory.cluster.objects["PooledAccount", NAMESPACE, name]["metadata"]
    meta["deletionTimestamp"] = to_rfc3339(utc_now())
    factory.cluster.touch("PooledAccount", NAMESPACE, name)


def is_anothers(factory: Factory, name: str) -> None:
    """Another AwsAccount was faster, or somebody who may write statuses says so."""
    taken = {"name": "somebody", "uid": "u-2", "accountId": "id-2", "at": to_rfc3339(utc_now())}
    factory.cluster.patch("PooledAccount", NAMESPACE, name, {"status": {"claimedBy": taken}}, status=True)


@IN_PARTS
@pytest.mark.parametrize("goes", [is_gone, is_deleted, is_anothers], ids=lambda each: str(each.__name__))
async def test_a_member_that_goes_at_any_point_costs_nobody_an_account(
    factory: Factory, goes: Callable[[Factory, str], None], part: int
) -> None:
    deed = lambda _, __, number: goes(factory, f"m{number}")  # noqa: E731
    assert await every_point(factory, deed, becomes_active, part, PARTS)


# Several at once.


@IN_PARTS
async def test_two_claimants_for_one_member_and_a_crash_of_the_first_at_any_point(factory: Factory, part: int) -> None:
    """The second comes before the first is back, and there is one for one of them only."""

    async def life(factory: Factory, process: Process, name: str) -> None:
        if not process.calls and len(factory._processes) > 1 and factory._processes[-2].is_dead:
            await becomes_active(factory, process, await added(factory, f"{name}-second"))
        await becomes_active(factory, process, name)
        if process.calls and (f"{NAMESPACE}/{name}-second") in await holders(factory):
            both = [await factory.account(each) for each in (name, f"{name}-second")]
            from_pool = [each for each in both if each.status.claim is not None]
            assert len(from_pool) == 1, "one has it, and for the other AWS was asked"

    assert await every_point(factory, crash_everywhere, life, part, PARTS)


def crash_everywhere(process: Process, what: str, number: int) -> None:
    process.is_dead = True
    raise CrashError


async def added(factory: Factory, name: str) -> str:
    await factory.add(name, githubRepos=REPOSITORIES)
    return name


async def test_claimants_beside_each_other_get_one_each(factory: Factory) -> None:
    for number in range(3):
        await pooled(factory, f"m-{number}")
    names = [f"a{number}" for number in range(5)]
    for name in names:
        await factory.add(name)
    processes = [await factory.start(), await factory.start()]
    walks = [processes[number % 2].until(name, seconds=60) for number, name in enumerate(names)]
    accounts = await asyncio.gather(*walks)
    assert {each.status.phase for each in accounts} == {"active"}
    assert len({each.status.aws_account_id for each in accounts}) == len(names)
    assert sum(each.status.claim is not None for each in accounts) == 3
    await assert_one_each(factory)


@pytest.mark.parametrize("later", range(12))
async def test_two_operators_follow_one_wish(factory: Factory, later: int) -> None:
    """The second comes in after so many calls of the first."""
    member = await pooled(factory, "m-1")
    await pooled(factory, "m-2")
    await factory.add(githubRepos=REPOSITORIES)
    first, second = await factory.start(), await factory.start()

    async def beside() -> None:
        async with asyncio.timeout(30):
            while len(first.calls) < later:
                await asyncio.sleep(0)
        await second.until("acme", seconds=60)

    await asyncio.gather(first.until("acme", seconds=60), beside())
    account = await factory.account()
    assert account.status.aws_account_id == member.status.aws_account_id
    await assert_exactly_right(factory, account, mails=0)
    await assert_one_each(factory)
    assert await is_free(factory, "m-2")
