"""What can't become ready is never replaced in a loop (openshift's operator once made 469 accounts so, in a day)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.filling import NAMESPACE, World

from batteries_crds.account_pool import PoolReason
from batteries_crds.conditions import find, is_true

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    made.close()


def reason_of_filled(pool: object) -> str:
    filled = find(pool.status.conditions, "Filled")  # type: ignore[attr-defined]
    assert filled is not None
    return filled.reason


async def _script_that_deletes(world: World, age: float) -> None:
    """Somebody's script: whatever is not ready for so long is deleted, to get a new one."""
    since: dict[str, float] = {}
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(30)
        async for member in world.members.all(NAMESPACE):
            name = member.metadata.name
            if is_true(member.status.conditions, "Ready") or member.is_deleted:
                since.pop(name, None)
            elif clock() - since.setdefault(name, clock()) >= age:
                world.kill(name)


@pytest.mark.parametrize("age", [0, 5 * MINUTE, 40 * MINUTE], ids=["at once", "in five minutes", "when it is broken"])
async def test_an_hour_of_refused_roles_with_a_script_that_deletes_makes_no_account_more(
    world: World, age: float
) -> None:
    await world.add_pool(5)
    await asyncio.sleep(70)
    assert len(world.made) == 4, "two are ready, and two are being made"
    world.is_role_refused = True
    script = asyncio.create_task(_script_that_deletes(world, age))
    await asyncio.sleep(HOUR)
    assert len(world.made) == 4
    world.is_role_refused = False
    script.cancel()
    await asyncio.sleep(4 * HOUR)
    pool = await world.pool()
    assert (pool.status.ready, pool.status.failures) == (5, 0), "it heals by itself"
    assert len(world.made) <= 7, "two were deleted"


async def test_a_storm_on_a_full_pool_makes_nothing_and_ends_by_itself(world: World) -> None:
    await world.add_pool(5)
    await asyncio.sleep(10 * MINUTE)
    assert len(world.made) == 5
    for name in world.names():
        await world.break_(name)  # a release prepares more, and can't enter any account
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (len(world.made), pool.status.broken, reason_of_filled(pool)) == (5, 5, PoolReason.MEMBERS_NOT_READY)
    for name in world.names():
        await world.ready(name)
    await asyncio.sleep(MINUTE)
    pool = await world.pool()
    assert (len(world.made), pool.status.ready) == (5, 5)


async def test_deleting_all_that_broke_pauses_the_refill_for_an_hour(world: World) -> None:
    await world.add_pool(5)
    await asyncio.sleep(10 * MINUTE)
    for name in world.names():
        await world.break_(name)
    await asyncio.sleep(MINUTE)
    for name in world.names():
        world.kill(name)
    world.is_role_refused = True
    await asyncio.sleep(HOUR - MINUTE)
    assert len(world.made) == 5
    await asyncio.sleep(2 * MINUTE)
    assert len(world.made) == 7


async def test_a_storm_that_does_not_end_stalls_the_pool_until_somebody_has_looked(world: World) -> None:
    world.is_role_refused = True
    await world.add_pool(20, maxCreationsPerDay=500)
    script = asyncio.create_task(_script_that_deletes(world, 0))
    await asyncio.sleep(5 * DAY)
    script.cancel()
    pool = await world.pool()
    stalled = find(pool.status.conditions, "Stalled")
    assert stalled is not None
    assert (len(world.made), pool.status.failures) == (3, 3), "two at once, one more after an hour"
    assert stalled.reason == PoolReason.TOO_MANY_FAILURES
    assert "The last 3 members in a row broke or were deleted before they were ready" in stalled.message
    assert "annotation aibatteriesincluded.com/retry a new value" in stalled.message
    assert [(type_, reason) for type_, reason, _ in world.events] == [("Warning", "TooManyFailures")]
    world.is_role_refused = False
    await world.retry("looked")
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (pool.status.ready, pool.status.failures, pool.status.retried) == (20, 0, "looked")
    assert find(pool.status.conditions, "Stalled") is None


async def test_members_that_break_stall_the_pool_and_heal_it(world: World) -> None:
    world.is_role_refused = True
    await world.add_pool(10)
    await asyncio.sleep(DAY)
    pool = await world.pool()
    stalled = find(pool.status.conditions, "Stalled")
    assert (len(world.made), pool.status.broken) == (3, 3)
    assert stalled is not None
    assert "broke: The role does not answer." in stalled.message
    world.is_role_refused = False
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (pool.status.ready, pool.status.failures, find(pool.status.conditions, "Stalled")) == (10, 0, None)


async def test_a_stalled_pool_stays_so_across_restarts(world: World) -> None:
    world.is_role_refused = True
    await world.add_pool(10, maxBroken=1)
    await asyncio.sleep(HOUR)
    world.is_role_refused = False
    for name in world.names():
        world.kill(name)
    for _ in range(3):
        await asyncio.sleep(DAY)
        world.stop()
        await world.start()
    pool = await world.pool()
    assert (len(world.made), pool.status.failures) == (2, 2)
    assert reason_of_filled(pool) == PoolReason.TOO_MANY_FAILURES


async def test_what_was_heeded_once_is_not_heeded_again(world: World) -> None:
    """A retry annotation stays on the object; a restart must not read it as a new one."""
    world.is_role_refused = True
    await world.add_pool(10, maxBroken=1, maxInProgress=1)
    await world.retry("1")
    await asyncio.sleep(2 * HOUR)
    assert len(world.made) == 1
    stalled = find((await world.pool()).status.conditions, "Stalled")
    assert stalled is not None
    assert "The last member broke or was deleted before it was ready, so no more are made." in stalled.message
    world.stop()
    await world.start()
    await asyncio.sleep(2 * HOUR)
    assert len(world.made) == 1


async def test_a_script_that_deletes_ready_members_is_held_by_the_limit_of_a_day(world: World) -> None:
    await world.add_pool(3, maxCreationsPerDay=10)
    for _ in range(20):
        await asyncio.sleep(HOUR)
        for name in world.names(lambda body: len(body.get("status", {}).get("conditions", ())) == 2):
            world.kill(name)
    assert len(world.made) == 10
