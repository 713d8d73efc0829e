"""When a key's last use is written, and what becomes of it where Kubernetes does not take it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import World
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.usage import AT_MOST_EVERY, Usage
from batteries_crds.base import to_rfc3339, utc_now

pytestmark = pytest.mark.virtual_time
NOW = utc_now()


def usage(world: World) -> Usage:
    return Usage("n", world.kube.keys, world.kube.caches.keys, now=lambda: NOW)


def last_used(world: World) -> Any:
    return world.items("keys")[world.key.prefix].status.last_used_at


async def noted(world: World, ago: timedelta | None) -> bool:
    """Whether a use is written of a key that was last used so long ago."""
    status = {} if ago is None else {"lastUsedAt": to_rfc3339(NOW - ago)}
    hashes = {"keyPrefix": world.key.prefix, "keyHash": world.key.digest}
    key = world.add("keys", world.key.prefix, {"customerRef": {"name": "c"}, **hashes}, status)
    each = usage(world)
    each.note(key)
    await each.flush()
    return bool(last_used(world) == NOW)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ago", "written"),
    [
        (None, True),
        (SECOND, False),
        (AT_MOST_EVERY - SECOND, False),
        (AT_MOST_EVERY, True),
        (-SECOND, True),
    ],
)
async def test_a_use_is_written_every_ten_minutes_and_where_the_clock_was_set_back(
    world: World, ago: timedelta | None, written: bool
) -> None:
    assert await noted(world, ago) is written


async def test_what_was_written_is_known_at_once_and_written_once(world: World) -> None:
    each = usage(world)
    each.note(world.items("keys")[world.key.prefix])
    await each.flush()
    await each.flush()
    assert len(world.requests("keys")) == 1
    known = world.kube.caches.keys.get(world.key.prefix)
    assert known is not None
    assert known.status.last_used_at == NOW


@pytest.mark.parametrize(
    ("error", "again"), [(TimeoutError(), True), (ApiException(status=404), False)], ids=["outage", "refused"]
)
async def test_a_use_waits_for_an_outage_and_not_for_a_refusal(world: World, error: Exception, again: bool) -> None:
    each = usage(world)
    each.note(world.items("keys")[world.key.prefix])
    world.fail("keys", error)
    await each.flush()
    world.fail("keys", None)
    await each.flush()
    assert (last_used(world) is not None) is again


async def test_it_is_written_every_few_seconds_and_at_the_end(world: World) -> None:
    each, key = usage(world), world.items("keys")[world.key.prefix]
    async with each.written_every(10):
        each.note(key)
        await asyncio.sleep(9)
        assert last_used(world) is None
        await asyncio.sleep(2)
        assert last_used(world) == NOW
        each.note(key)
        asked = len(world.requests("keys"))
    assert len(world.requests("keys")) == asked + 1
