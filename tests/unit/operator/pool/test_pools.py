"""A pool is filled one member after the other, within its limits, by what is written down and never by memory alone."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fakes.cluster import Json
from fakes.filling import CREATION_SECONDS, NAMESPACE, POOL, World
from kubernetes.aio.client import ApiException
from prometheus_client import REGISTRY

from batteries_crds.account_pool import AccountPool, PoolReason
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find
from batteries_operator.runtime.leader_election import NotLeadingError

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def reason(pool: AccountPool) -> str:
    filled = find(pool.status.conditions, "Filled")
    assert filled is not None
    return filled.reason


def message(pool: AccountPool) -> str:
    filled = find(pool.status.conditions, "Filled")
    assert filled is not None
    return filled.message


def is_stalled(pool: AccountPool) -> bool:
    return find(pool.status.conditions, "Stalled") is not None


async def filled(world: World, size: int = 3, **spec: Any) -> None:
    await world.add_pool(size, **spec)
    await asyncio.sleep(size * 2 * CREATION_SECONDS)
    assert (await world.pool()).status.ready == size


async def test_a_pool_is_filled_two_at_a_time(world: World) -> None:
    await world.start()
    await world.add_pool(5)
    await asyncio.sleep(10)
    pool = await world.pool()
    assert (len(world.made), pool.status.members, pool.status.preparing) == (2, 2, 2)
    assert (reason(pool), message(pool)) == (PoolReason.PREPARING, "0 of 5 are ready, 2 being made.")
    await asyncio.sleep(5 * CREATION_SECONDS)
    pool = await world.pool()
    assert (len(world.made), pool.status.ready, pool.status.preparing) == (5, 5, 0)
    assert (reason(pool), message(pool)) == (PoolReason.FILLED, "5 of 5 are ready.")
    assert len(pool.status.creations) == 5
    assert (pool.status.underway, pool.status.failures, is_stalled(pool)) == ([], 0, False)


async def test_members_get_the_pools_deletion_policy(world: World) -> None:
    await world.start()
    await filled(world, 1, deletionPolicy="Close")
    (member,) = [each async for each in world.members.all(NAMESPACE)]
    assert (member.spec.deletion_policy, member.spec.pool_ref.name) == ("Close", POOL)


async def test_five_hundred_members_at_rest_cost_no_call_and_no_write(world: World) -> None:
    await world.add_pool(500)
    world._preparing = dict.fromkeys(map(str, range(500)), asyncio.create_task(asyncio.sleep(0)))
    for number in range(500):
        spec = {"poolRef": {"name": POOL}}
        await world.members.create(NAMESPACE, {"metadata": {"name": str(number)}, "spec": spec})
        await world.ready(str(number))
    await world.start()
    await asyncio.sleep(10)
    writes, calls = len(world.cluster.writes), world.aws_calls
    await asyncio.sleep(DAY)
    assert (len(world.cluster.writes), world.aws_calls, calls) == (writes, 0, 0)
    assert (await world.pool()).status.ready == 500


async def test_a_claimed_member_is_replaced_and_counted_for_a_day(world: World) -> None:
    await world.start()
    await filled(world)
    await world.claim(world.names()[0])
    await asyncio.sleep(10)
    pool = await world.pool()
    assert (pool.status.members, pool.status.ready, pool.status.claimed_today) == (3, 2, 1)
    await asyncio.sleep(5 * MINUTE)
    pool = await world.pool()
    assert (pool.status.ready, len(world.made)) == (3, 4)


async def test_no_more_in_a_day_than_allowed_across_restarts(world: World) -> None:
    await world.start()
    await world.add_pool(2, maxCreationsPerDay=4)
    for _ in range(12):
        await asyncio.sleep(HOUR)
        for name in world.names(lambda body: "claimedBy" not in body["status"]):
            await world.claim(name, by=f"for-{name}")
        world.stop()
        await world.start()
    pool = await world.pool()
    assert (len(world.made), reason(pool)) == (4, PoolReason.DAILY_LIMIT_REACHED)
    assert pool.status.next_refill_at == pool.status.creations[0] + timedelta(days=1)
    await asyncio.sleep(14 * HOUR)
    assert len(world.made) in (5, 6), "as the first ones are a day old"


async def test_an_annotation_does_not_lift_the_limit_of_a_day(world: World) -> None:
    await world.start()
    await world.add_pool(3, maxCreationsPerDay=2)
    await asyncio.sleep(HOUR)
    await world.retry("1")
    await asyncio.sleep(HOUR)
    assert len(world.made) == 2


async def test_lowering_and_raising_the_size_makes_and_deletes_nothing(world: World) -> None:
    await world.start()
    await filled(world)
    for size in (0, 3, 1, 3, 2):
        await world.change(size=size)
        await asyncio.sleep(0.4)
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (len(world.made), len(world.names()), reason(pool)) == (3, 3, PoolReason.FILLED)
    await world.change(size=0)
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (len(world.names()), pool.status.ready, reason(pool)) == (3, 3, PoolReason.FILLED)
    assert message(pool) == "3 are ready, and spec.size is 0: all are handed out, and no more are made."


async def test_two_pools_of_one_namespace_are_filled_each_by_its_own(world: World) -> None:
    await world.start()
    await world.add_pool(2)
    await world.add_pool(1, "second")
    await world.add_pool(1, namespace="other")
    await asyncio.sleep(10 * MINUTE)
    ready = [
        (await world.pool()).status.ready,
        (await world.pool("second")).status.ready,
        (await world.pool(namespace="other")).status.ready,
    ]
    assert (ready, len(world.made)) == ([2, 1, 1], 4)


async def test_a_member_that_breaks_and_one_that_is_being_deleted_keep_their_places(world: World) -> None:
    await world.start()
    await filled(world)
    broken, deleted, _ = world.names()
    await world.break_(broken)
    world.cluster.mark_deleted("PooledAccount", NAMESPACE, deleted)  # AWS closes it, which takes days
    await asyncio.sleep(2 * DAY)
    pool = await world.pool()
    assert (len(world.made), pool.status.members, pool.status.broken, pool.status.ready) == (3, 3, 1, 1)
    assert reason(pool) == PoolReason.MEMBERS_NOT_READY
    assert message(pool).startswith("1 of 3 are ready, 1 broken, 1 being deleted. A broken one keeps its place")
    world.kill(broken)
    await asyncio.sleep(50 * MINUTE)
    assert (len(world.made), reason(await world.pool())) == (3, PoolReason.PAUSED_AFTER_FAILURE)
    await asyncio.sleep(20 * MINUTE)
    assert len(world.made) == 4, "what is gone is replaced, an hour later"


async def test_a_member_that_is_brought_up_to_date_is_not_replaced(world: World) -> None:
    await world.start()
    await filled(world)
    for name in world.names():
        await world.status(name, conditions=[{**_of(world, name, "Ready"), "status": "False"}, _provisioned(world)])
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (len(world.made), pool.status.stale, pool.status.ready) == (3, 3, 0)
    assert message(pool) == "0 of 3 are ready, 3 being brought up to date."


def _of(world: World, name: str, kind: str) -> Json:
    conditions: list[Json] = world.cluster.objects["PooledAccount", NAMESPACE, name]["status"]["conditions"]
    return next(each for each in conditions if each["type"] == kind)


def _provisioned(world: World) -> Json:
    return _of(world, world.names()[-1], "Provisioned")


async def test_an_operator_that_hears_nothing_makes_no_more_than_one_that_does(world: World) -> None:
    """Its own creations, and those of a person, are seen by what is written down and by lists."""
    await world.start(is_deaf=True)
    await world.add_pool(4)
    (operator,) = world.operators
    operator.pools.pool_seen(await world.pool())
    for _ in range(30):
        await asyncio.sleep(MINUTE)
        operator.pools.pool_seen(await world.pool())
    assert len(world.made) == 2, "they are not known to be ready"
    await asyncio.sleep(6 * HOUR)
    pool = await world.pool()
    assert (len(world.made), pool.status.ready) == (4, 4)


async def test_members_that_somebody_made_by_hand_count(world: World) -> None:
    await world.start(is_deaf=True)
    spec = {"poolRef": {"name": POOL}}
    for name in ("one", "two"):
        await world.members.create(NAMESPACE, {"metadata": {"name": name}, "spec": spec})
    await world.add_pool(2)
    world.operators[0].pools.pool_seen(await world.pool())
    await asyncio.sleep(HOUR)
    assert world.made == ["one", "two"]


async def test_a_member_that_this_release_cannot_read_keeps_its_place(world: World) -> None:
    await world.start()
    await filled(world, 2)
    world.cluster.objects["PooledAccount", NAMESPACE, world.names()[0]]["spec"]["deletionPolicy"] = "Later"
    world.stop()
    operator = await world.start()
    assert operator is not None
    await asyncio.sleep(2 * HOUR)
    pool = await world.pool()
    assert (len(world.made), pool.status.members, pool.status.broken) == (2, 2, 1)


async def test_between_the_intent_and_the_creation_a_crash_makes_no_second_member(world: World) -> None:
    await world.start()
    asked: list[Json] = []

    def dies(kind: str, body: Json) -> None:
        if kind == "PooledAccount" and not asked:
            asked.append(body)
            world.stop()
            raise ApiException(status=503)

    world.cluster.before_write = dies
    await world.add_pool(1)
    await asyncio.sleep(MINUTE)
    pool = await world.pool()
    assert (world.made, len(pool.status.creations), pool.status.underway[0].uid) == ([], 1, None)
    await world.start()
    await asyncio.sleep(10 * MINUTE)
    assert world.made == [asked[0]["metadata"]["name"]], "the member that was named is made, and no other"
    pool = await world.pool()
    assert (pool.status.ready, len(pool.status.creations)) == (1, 1)


async def test_between_the_creation_and_its_record_a_crash_makes_no_second_member(world: World) -> None:
    await world.start()

    def dies(number: int) -> None:
        if world.cluster.writes[-1][:2] == ("create", "PooledAccount"):
            world.stop()
            raise ApiException(status=503)

    world.cluster.after_write = dies
    await world.add_pool(1)
    await asyncio.sleep(MINUTE)
    world.cluster.after_write = lambda number: None
    (name,) = world.names()
    world.cluster.touch("PooledAccount", NAMESPACE, name)  # the played steps see it
    await world.start()
    await asyncio.sleep(10 * MINUTE)
    assert (world.made, (await world.pool()).status.ready) == ([name], 1)


async def test_an_intent_that_is_not_wanted_any_more_is_not_followed(world: World) -> None:
    await world.start()

    def refuses(kind: str, body: Json) -> None:
        if kind == "PooledAccount":
            raise ApiException(status=503)

    world.cluster.before_write = refuses
    await world.add_pool(1)
    await asyncio.sleep(MINUTE)
    assert len((await world.pool()).status.underway) == 1
    await world.change(size=0)
    await asyncio.sleep(MINUTE)
    world.cluster.before_write = lambda kind, body: None
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (world.made, pool.status.underway, len(pool.status.creations)) == ([], [], 1)


async def test_two_operators_make_what_one_would(world: World) -> None:
    await world.start()
    await world.start()
    await world.add_pool(6, maxInProgress=3)
    await asyncio.sleep(5)
    assert len(world.made) == 3
    await asyncio.sleep(HOUR)
    pool = await world.pool()
    assert (len(world.made), pool.status.ready, len(pool.status.creations)) == (6, 6, 6)


async def test_an_operator_that_lost_its_lease_stops(world: World) -> None:
    operator = await world.start()

    def refuses(kind: str, body: Json) -> None:
        if "status" in body:
            raise NotLeadingError

    await world.add_pool(1)
    world.cluster.before_write = refuses
    await asyncio.sleep(MINUTE)
    assert (operator._tasks[0].done(), world.made) == (True, [])


async def test_kubernetes_may_fail_for_a_while(world: World) -> None:
    await world.start()
    failures = [ApiException(status=500), TimeoutError(), RuntimeError("a fault of ours")]

    def fails(kind: str, body: Json) -> None:
        if failures and "status" in body:
            raise failures.pop(0)

    world.cluster.before_write = fails
    await world.add_pool(1)
    await asyncio.sleep(2 * HOUR)
    assert ((await world.pool()).status.ready, failures) == (1, [])


async def test_customers_who_wait_come_first(world: World) -> None:
    operator = await world.start()
    now = utc_now()
    for number in range(6):
        operator.slots.acquire(str(number), "n/customer/c", now)
    await world.add_pool(1)
    await asyncio.sleep(10 * MINUTE)
    assert (world.made, reason(await world.pool())) == ([], PoolReason.CUSTOMERS_FIRST)
    operator.slots.release("0")
    await asyncio.sleep(MINUTE)
    assert len(world.made) == 1


async def test_a_refill_leaves_room_in_the_quota_and_asks_every_ten_minutes(world: World) -> None:
    world.quota, world.accounts_beside = 10, 5  # one more is the management account
    await world.start()
    await world.add_pool(3, quotaReserve=2)
    await asyncio.sleep(20 * MINUTE)
    pool = await world.pool()
    assert (len(world.made), reason(pool)) == (2, PoolReason.QUOTA_REACHED)
    assert "the 2 that spec.quotaReserve leaves to customers" in message(pool)
    calls, writes = world.aws_calls, len(world.cluster.writes)
    await asyncio.sleep(HOUR)
    assert (world.aws_calls - calls, len(world.cluster.writes)) == (12, writes)
    world.quota = 12
    await asyncio.sleep(15 * MINUTE)
    assert (await world.pool()).status.ready == 3


async def test_members_that_no_object_names_count_towards_the_quota_only(world: World) -> None:
    """After yesterday's etcd was restored, AWS has accounts of today's members; `orphans` shows them."""
    world.quota = 8
    await world.start()
    await filled(world, 3)
    for name in world.names():
        world.let_go(name)
    await asyncio.sleep(10 * HOUR)
    pool = await world.pool()
    assert (len(world.made), reason(pool)) == (5, PoolReason.QUOTA_REACHED)


async def test_a_clock_that_was_ahead_stops_the_pool_for_a_day_and_not_for_a_year(world: World) -> None:
    await world.add_pool(2, maxCreationsPerDay=2)
    ahead = to_rfc3339(utc_now() + timedelta(days=365))
    await world.pools.merge_status(NAMESPACE, POOL, {"status": {"creations": [ahead, ahead], "failedAt": ahead}})
    await world.start()
    await asyncio.sleep(23 * HOUR)
    assert world.made == []
    await asyncio.sleep(2 * HOUR)
    assert len(world.made) == 2


async def test_our_clock_alone_being_ahead_lets_nothing_be_made_early(world: World) -> None:
    await world.add_pool(2, maxCreationsPerDay=1)
    await world.start()
    await asyncio.sleep(HOUR)
    world.cluster.ahead = timedelta(hours=-20)  # Kubernetes' clock is right, and ours jumped ahead
    await asyncio.sleep(42 * HOUR)
    assert len(world.made) == 1
    await asyncio.sleep(4 * HOUR)
    assert len(world.made) == 2


async def test_a_clock_that_goes_back_and_forth_forgets_nothing(world: World) -> None:
    await world.add_pool(2, maxCreationsPerDay=1)
    await world.start()
    for hours in (0, -20, 0):
        await asyncio.sleep(HOUR)
        world.cluster.ahead = timedelta(hours=hours)
    await asyncio.sleep(19 * HOUR)
    assert len(world.made) == 1


async def test_the_gauges_show_each_pool_until_it_is_gone(world: World) -> None:
    operator = await world.start()
    await filled(world)

    def gauge(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"batteries_pool_{name}", {"pool": "n/default", **labels})

    assert [gauge("members", state="ready"), gauge("members", state="broken")] == [3, 0]
    assert [gauge("size"), gauge("stalled")] == [3, 0]
    body = world.cluster.objects.pop(("AccountPool", NAMESPACE, POOL))
    operator.gone("AccountPool", body)
    assert [gauge("members", state="ready"), gauge("size"), gauge("stalled")] == [None] * 3
    await asyncio.sleep(2 * HOUR)
    assert gauge("size") is None


async def test_a_pool_that_is_being_deleted_gets_no_member(world: World) -> None:
    await world.add_pool(3)
    world.cluster.objects["AccountPool", NAMESPACE, POOL]["metadata"]["finalizers"] = ["x"]
    world.cluster.mark_deleted("AccountPool", NAMESPACE, POOL)
    await world.start()
    await asyncio.sleep(HOUR)
    assert world.made == []
