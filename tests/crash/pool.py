"""The pools of a lane: filled for one cell, and then kept from making more."""

import asyncio
from collections.abc import Callable
from typing import Any

from crash.lane import REACHED_SECONDS, Lane

from batteries_crds.account_pool import AccountPool
from batteries_crds.conditions import READY, is_true
from batteries_crds.kube.client import Resources
from batteries_crds.pooled_account import PooledAccount

_MANY, _NO_MORE = {"maxCreationsPerDay": 500}, {"maxCreationsPerDay": 1}


def pools_of(lane: Lane) -> Resources[AccountPool]:
    """Its AccountPools."""
    return Resources(lane.api, AccountPool, "harness")


def members_of(lane: Lane) -> Resources[PooledAccount]:
    """The members of all of them."""
    return Resources(lane.api, PooledAccount, "harness")


async def every_member(lane: Lane) -> list[PooledAccount]:
    """All members, whatever became of them."""
    return [member async for member in members_of(lane).all(lane.namespace)]


async def clear(lane: Lane, name: str) -> None:
    """Deletes the pools of other cells and the members that were claimed there, which a deleted pool leaves for a day;
    notes how often AWS was asked for an account until now.
    """
    if not lane.pid:
        await lane.start()
    for old in [pool async for pool in pools_of(lane).all(lane.namespace)]:
        await delete_pool(lane, old.metadata.name)
    await _until(lane, lambda found, _: not found, "the pools before are gone")
    for member in await every_member(lane):
        await members_of(lane).delete(lane.namespace, member.metadata.name)
    await _until(lane, lambda _, members: not members, "the members that were claimed are gone")
    lane.asked[name] = len(await requests(lane))


async def requests(lane: Lane) -> list[Any]:
    """Every request for an account that AWS has had, the first one first."""
    return list((await lane.standin("creations"))["creations"])


async def add(lane: Lane, name: str, size: int = 1, **spec: Any) -> None:
    """A pool that makes as many as it likes, in a day and at one time."""
    spec = {"size": size, "maxInProgress": 5, "quotaReserve": 0, **_MANY, **spec}
    await pools_of(lane).create(lane.namespace, {"metadata": {"name": name}, "spec": spec})


async def fresh(lane: Lane, name: str, size: int, **spec: Any) -> None:
    """Deletes the pools before, and returns when one of this name has so many ready accounts and makes no more.

    It keeps its size: what it may make in a day is used up.
    """
    await clear(lane, name)
    pools = pools_of(lane)
    await add(lane, name, size, **spec)
    await _until(lane, lambda found, _: [one.status.ready for one in found] == [size], f"{size} ready")
    await pools.merge(lane.namespace, name, {"spec": _NO_MORE})

    def is_seen(found: list[AccountPool], members: list[PooledAccount]) -> bool:
        return [pool.metadata.generation for pool in found] == [pool.status.observed_generation for pool in found]

    await _until(lane, is_seen, "the pool knows that it makes no more")


async def _until(lane: Lane, holds: Callable[[list[AccountPool], list[PooledAccount]], bool], what: str) -> None:
    found: list[AccountPool] = []
    members: list[PooledAccount] = []
    try:
        async with asyncio.timeout(REACHED_SECONDS):
            while True:
                found = [pool async for pool in pools_of(lane).all(lane.namespace)]
                members = await every_member(lane)
                if holds(found, members):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        states = [pool.status.to_wire() for pool in found] + [one.status.to_wire() for one in members]
        raise TimeoutError(f"in {lane.namespace} not: {what}: {states}") from None


async def resize(lane: Lane, name: str) -> None:
    """Every pool is to have none from now on."""
    for pool in [pool async for pool in pools_of(lane).all(lane.namespace)]:
        await pools_of(lane).merge(lane.namespace, pool.metadata.name, {"spec": {"size": 0}})


async def delete_pool(lane: Lane, name: str) -> None:
    """Deletes the pool; it goes when its members are gone."""
    await pools_of(lane).delete(lane.namespace, name)


async def delete_member(lane: Lane, name: str) -> None:
    """Deletes the member that the account wishes for; before there is a wish, the one that it will wish for."""
    account = await lane.find(name)
    if account is not None and account.status.claim is not None:
        await members_of(lane).delete(lane.namespace, account.status.claim.member)
        return
    ready = [one for one in await every_member(lane) if one.is_wanted and is_true(one.status.conditions, READY)]
    oldest = min(ready, key=lambda one: (one.since, one.metadata.name))
    await members_of(lane).delete(lane.namespace, oldest.metadata.name)
