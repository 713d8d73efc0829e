"""The object of a claimed member is deleted a day after the claim, and not while the claim is under way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fakes.cluster import Json
from fakes.filling import NAMESPACE, World
from kubernetes.aio.client import ApiException

HOUR = 3600.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    await made.add_pool(1)
    await asyncio.sleep(300)
    yield made
    made.close()


async def _claim(world: World) -> str:
    """An AwsAccount takes the only member; returns the member's name."""
    (name,) = world.names()
    account = await world.accounts.create(NAMESPACE, {"metadata": {"name": "acme"}, "spec": {"email": "a@example.com"}})
    await world.claim(name)
    claimed = {**world.cluster.objects["PooledAccount", NAMESPACE, name]["status"]["claimedBy"]}
    await world.status(name, claimedBy=claimed | {"uid": account.metadata.uid})
    return name


async def _finish(world: World, aws_account_id: str = "000000000001") -> None:
    await world.accounts.merge_status(NAMESPACE, "acme", {"status": {"awsAccountId": aws_account_id}})


def _is_deleted(world: World, name: str) -> bool:
    return world.cluster.is_deleted("PooledAccount", NAMESPACE, name)


async def test_it_is_deleted_a_day_later_and_not_before(world: World) -> None:
    name = await _claim(world)
    await _finish(world)
    await asyncio.sleep(23.9 * HOUR)
    assert not _is_deleted(world, name)
    await asyncio.sleep(0.2 * HOUR)
    assert _is_deleted(world, name)


async def test_after_a_restart_the_day_is_the_same(world: World) -> None:
    name = await _claim(world)
    await _finish(world)
    await asyncio.sleep(20 * HOUR)
    world.stop()
    await world.start()
    await asyncio.sleep(4.1 * HOUR)
    assert _is_deleted(world, name)


async def test_a_claim_that_is_under_way_keeps_it(world: World) -> None:
    name = await _claim(world)
    await asyncio.sleep(30 * HOUR)
    assert not _is_deleted(world, name)
    await _finish(world)
    await asyncio.sleep(HOUR)
    assert _is_deleted(world, name)


@pytest.mark.parametrize("is_made_again", [False, True])
async def test_where_the_claimant_is_gone_the_members_release_decides(world: World, is_made_again: bool) -> None:
    name = await _claim(world)
    world.cluster.delete("AwsAccount", NAMESPACE, "acme")
    if is_made_again:  # and is another one
        await world.accounts.create(NAMESPACE, {"metadata": {"name": "acme"}, "spec": {"email": "a@example.com"}})
    await asyncio.sleep(24.1 * HOUR)
    assert _is_deleted(world, name)


@pytest.mark.parametrize("becomes", ["free", "gone", "another"])
async def test_a_member_that_nobody_has_any_more_is_left_alone(world: World, becomes: str) -> None:
    name = await _claim(world)
    await _finish(world)
    if becomes == "free":
        await world.status(name, claimedBy=None)
    else:
        del world.cluster.objects["PooledAccount", NAMESPACE, name]
    if becomes == "another":
        (operator,) = world.operators
        operator.is_deaf = True
        await world.members.create(NAMESPACE, {"metadata": {"name": name}, "spec": {"poolRef": {"name": "gone"}}})
        await world.claim(name)
    await asyncio.sleep(24.1 * HOUR)
    looks: list[str] = []
    world.members.find_dated = lambda _, called: looks.append(called)
    await asyncio.sleep(20 * HOUR)
    assert looks == [], "nobody looks again"
    there = world.cluster.objects.get(("PooledAccount", NAMESPACE, name))
    assert (there is None) == (becomes == "gone")
    assert there is None or "deletionTimestamp" not in there["metadata"]


async def test_our_clock_alone_being_ahead_deletes_nothing_early(world: World) -> None:
    name = await _claim(world)
    await _finish(world)
    world.cluster.ahead = timedelta(hours=-10)
    await asyncio.sleep(33 * HOUR)
    assert not _is_deleted(world, name)
    await asyncio.sleep(2 * HOUR)
    assert _is_deleted(world, name)


async def test_kubernetes_may_fail_for_a_while(world: World) -> None:
    name = await _claim(world)
    await _finish(world)
    failures = [ApiException(status=500), TimeoutError(), RuntimeError("a fault of ours")]
    real = world.members.delete

    async def fails(namespace: str, called: str, **exactly: object) -> None:
        if failures:
            raise failures.pop(0)
        await real(namespace, called, **exactly)

    world.members.delete = fails
    await asyncio.sleep(24.1 * HOUR)
    assert not _is_deleted(world, name)
    await asyncio.sleep(3 * HOUR)
    assert (_is_deleted(world, name), failures) == (True, [])


async def test_a_hundred_claimed_at_one_moment_are_all_deleted(world: World) -> None:
    await _claim(world)
    await _finish(world)
    (claimed,) = [body["status"]["claimedBy"] for body in _members(world)]
    for number in range(100):
        spec = {"poolRef": {"name": "gone"}}
        await world.members.create(NAMESPACE, {"metadata": {"name": str(number)}, "spec": spec})
        await world.status(str(number), claimedBy=claimed)
    await asyncio.sleep(25 * HOUR)
    assert all("deletionTimestamp" in body["metadata"] for body in _members(world) if "claimedBy" in body["status"])


def _members(world: World) -> list[Json]:
    return [body for key, body in world.cluster.objects.items() if key[0] == "PooledAccount"]
