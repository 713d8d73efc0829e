"""kopf's handlers of AccountPools, called as kopf calls them."""

import asyncio
from contextvars import Context
from typing import Any, cast

import kopf
import pytest
from fakes.cluster import Json
from fakes.filling import NAMESPACE, POOL, World
from kopf._core.engines import posting

from batteries_operator.controller import pool_handlers
from batteries_operator.controller.kube_events import EventsBeside
from batteries_operator.controller.pool_work import PoolWork
from batteries_operator.pool.ending import PoolEnding


@pytest.fixture
async def world() -> Any:
    made = World()
    yield made
    made.close()


async def handlers_of(world: World, beside: EventsBeside | None = None) -> dict[str, Any]:
    """The handlers by their names, over the operator of that world."""
    (operator,) = world.operators
    registry: Any = kopf.OperatorRegistry()
    ending = PoolEnding(world.pools, world.members, operator.pools.filling, world.post)
    work = PoolWork(operator.index, operator.pools, ending, operator.claimed)
    pool_handlers.add_pools(registry, work, beside or EventsBeside())
    every = (*registry._watching._handlers, *registry._changing._handlers)
    return {each.fn.__name__: each.fn for each in every}


def show(handlers: dict[str, Any], raw: Json, kind: str = "MODIFIED") -> Any:
    body = kopf.Body(cast(Any, raw))
    return handlers["pool_changed"](uid=raw["metadata"]["uid"], body=body, type=kind)


async def test_a_pool_is_filled_once_it_is_shown_and_left_alone_when_it_is_gone(world: World) -> None:
    operator = await world.start()
    operator.is_deaf = True
    handlers = await handlers_of(world)
    await world.add_pool(1)
    raw = world.cluster.get("AccountPool", NAMESPACE, POOL)
    await show(handlers, raw)
    assert operator.index.is_used
    await asyncio.sleep(10)
    assert len(world.made) == 1
    del world.cluster.objects["AccountPool", NAMESPACE, POOL]
    await show(handlers, raw, "DELETED")
    for name in world.names():
        world.let_go(name)
    operator.index.forget(world.made[0])
    await asyncio.sleep(7200)
    assert len(world.made) == 1


async def test_a_task_beside_the_handlers_may_post_of_a_pool_once_one_was_shown(world: World) -> None:
    """kopf knows its queue only where it handles an object."""
    await world.start()
    beside, queue = EventsBeside(), asyncio.Queue[Any]()
    handlers = await handlers_of(world, beside)
    await world.add_pool(1)
    context = Context()
    for variable, value in (
        (posting.settings_var, kopf.OperatorSettings()),
        (posting.event_queue_loop_var, asyncio.get_running_loop()),
        (posting.event_queue_var, queue),
    ):
        context.run(cast(Any, variable).set, value)
    raw = world.cluster.get("AccountPool", NAMESPACE, POOL)
    await asyncio.create_task(show(handlers, raw), context=context)
    pool = await world.pool()

    async def post() -> None:
        beside.post(pool, "Warning", "PoolShort", "It waits.")

    await asyncio.create_task(post(), context=Context())
    await asyncio.sleep(0)
    assert queue.get_nowait().reason == "PoolShort"


async def test_a_pool_that_can_not_be_read_is_not_filled(world: World) -> None:
    operator = await world.start()
    operator.is_deaf = True
    handlers = await handlers_of(world)
    await world.add_pool(3)
    raw = world.cluster.get("AccountPool", NAMESPACE, POOL)
    await show(handlers, {**raw, "spec": {"size": "many"}})
    await asyncio.sleep(7200)
    assert world.made == []
    await show(handlers, raw)
    await asyncio.sleep(10)
    assert len(world.made) == 2


async def test_a_deleted_pool_is_kept_until_its_members_are_gone(world: World) -> None:
    await world.start()
    handlers = await handlers_of(world)
    await world.add_pool(1)
    await asyncio.sleep(300)
    world.cluster.objects["AccountPool", NAMESPACE, POOL]["metadata"]["finalizers"] = ["x"]
    world.cluster.mark_deleted("AccountPool", NAMESPACE, POOL)
    raw = world.cluster.get("AccountPool", NAMESPACE, POOL)
    ending = asyncio.create_task(handlers["end"](body=kopf.Body(cast(Any, raw))))
    await asyncio.sleep(60)
    assert not ending.done()
    for name in world.names(lambda body: "deletionTimestamp" in body["metadata"]):
        world.let_go(name)
    await ending
    assert [reason for _, reason, _ in world.events] == ["Released"]
