"""A pool that is deleted takes its unclaimed members with it, each by its policy, and says what stays."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.cluster import Json
from fakes.filling import NAMESPACE, POOL, World

from batteries_crds.identity import ObjectRef
from batteries_operator.pool.ending import PoolEnding

DAY = 86400.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    made.close()


async def _filled(world: World, size: int = 3, **spec: str) -> None:
    await world.add_pool(size, **spec)
    world.cluster.objects["AccountPool", NAMESPACE, POOL]["metadata"]["finalizers"] = ["x"]
    await asyncio.sleep(600)
    assert len(world.names()) == size


def _delete(world: World) -> "asyncio.Task[None]":
    """As kopf does when somebody deletes the pool."""
    (operator,) = world.operators
    world.cluster.mark_deleted("AccountPool", NAMESPACE, POOL)
    meta = world.cluster.objects["AccountPool", NAMESPACE, POOL]["metadata"]
    ending = PoolEnding(world.pools, world.members, operator.pools.filling, world.post)
    return asyncio.create_task(ending.release(ObjectRef.in_meta(meta)))


def _is_deleted(body: Json) -> bool:
    return "deletionTimestamp" in body["metadata"]


async def test_members_are_deleted_and_claimed_ones_stay(world: World) -> None:
    await _filled(world)
    claimed, *others = world.names()
    await world.claim(claimed)
    await asyncio.sleep(0.5)
    ending = _delete(world)
    await asyncio.sleep(1)
    assert world.names(_is_deleted) == others
    assert not ending.done(), "it waits until they are gone"
    for name in others:
        world.let_go(name)
    await ending
    assert world.names() == [claimed]
    (event,) = world.events
    assert event[:2] == ("Normal", "Released")
    assert event[2] == (
        "The pool is deleted, and with it 2 members that nobody had. These AWS accounts stay in the organization, in "
        "the OU of pools, and count towards its quota: 000000000002, 000000000003."
    )


async def test_members_that_are_closed_may_take_weeks(world: World) -> None:
    await _filled(world, 1, deletionPolicy="Close")
    ending = _delete(world)
    await asyncio.sleep(20 * DAY)
    assert not ending.done()
    world.let_go(world.names()[0])
    await ending
    assert world.events[0][2] == "The pool is deleted, and with it 1 member that nobody had. 1 was closed."


async def test_a_claim_that_wins_keeps_its_member(world: World) -> None:
    await _filled(world, 1)
    (name,) = world.names()
    real = world.members.delete

    async def late(namespace: str, called: str, **exactly: object) -> None:
        await world.claim(name)
        await real(namespace, called, **exactly)

    world.members.delete = late
    await _delete(world)
    assert world.names(_is_deleted) == []


async def test_no_member_is_made_while_and_after_they_are_deleted(world: World) -> None:
    await world.add_pool(4)
    world.cluster.objects["AccountPool", NAMESPACE, POOL]["metadata"]["finalizers"] = ["x"]
    await asyncio.sleep(1.2)
    ending = _delete(world)
    await asyncio.sleep(DAY)
    made = len(world.made)
    assert made <= 2
    for name in world.names():
        world.let_go(name)
    await ending
    await asyncio.sleep(DAY)
    assert (len(world.made), world.names()) == (made, [])
