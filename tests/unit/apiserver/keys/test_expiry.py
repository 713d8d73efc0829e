"""Keys that ended are deleted ninety days later."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import World
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.keys.expiry import KEPT, delete_old_keys, deleting_old_keys, is_old
from batteries_crds.base import to_rfc3339, utc_now


@pytest.mark.parametrize(
    ("spec", "deleted"),
    [
        ({}, False),
        ({"revokedAt": -89}, False),
        ({"revokedAt": -91}, True),
        ({"expiresAt": -89}, False),
        ({"expiresAt": -91}, True),
        ({"expiresAt": 10, "revokedAt": -91}, True),
        ({"role": "admin", "customerRef": None, "revokedAt": -400}, False),
    ],
)
async def test_keys_that_ended_go_after_ninety_days(world: World, spec: dict[str, Any], deleted: bool) -> None:
    key, now = mint(), utc_now()
    moments: dict[str, Any] = {
        field: to_rfc3339(now + timedelta(days=value)) if isinstance(value, int) else value
        for field, value in spec.items()
    }
    world.add_key(key, **moments)
    await delete_old_keys(world.kube, now)
    assert (key.prefix not in world.items("keys")) is deleted


async def test_a_key_that_changed_meanwhile_is_not_deleted(world: World) -> None:
    key, now = mint(), utc_now()
    world.add_key(key, revokedAt=to_rfc3339(now - timedelta(days=100)))
    await world.kube.keys.merge_status("n", key.prefix, {"status": {"lastUsedAt": to_rfc3339(now)}})
    await delete_old_keys(world.kube, now)
    assert key.prefix in world.items("keys")


@pytest.mark.virtual_time
async def test_old_keys_are_looked_for_every_hour_also_after_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    world.add_key(key := mint(), revokedAt=to_rfc3339(utc_now() - timedelta(days=91)))
    world.fail("keys", ApiException(status=503), "DELETE")
    async with deleting_old_keys(world.kube):
        await asyncio.sleep(3601)
        assert [each.method for each in world.requests("keys")] == ["DELETE"]
        world.fail("keys", None)
        await asyncio.sleep(3598)
        assert key.prefix in world.items("keys")
        await asyncio.sleep(2)
    assert key.prefix not in world.items("keys")


@pytest.mark.parametrize("error", [ApiException(status=404), ApiException(status=409)])
async def test_a_key_that_somebody_else_deleted_or_changed_does_not_keep_the_others(
    world: World, error: ApiException
) -> None:
    old = to_rfc3339(utc_now() - timedelta(days=91))
    world.add_key(mint(), revokedAt=old)
    world.add_key(mint(), revokedAt=old)
    world.fail("keys", error, "DELETE")
    assert await delete_old_keys(world.kube, utc_now()) == 2
    assert [each.method for each in world.requests("keys")] == ["DELETE"] * 2


@pytest.mark.parametrize(("seconds", "is_old_now"), [(-1, False), (0, True)])
def test_ninety_days_are_counted_to_the_second(world: World, seconds: int, is_old_now: bool) -> None:
    now = utc_now()
    key = world.add_key(mint(), revokedAt=to_rfc3339(now - KEPT - timedelta(seconds=seconds)))
    assert is_old(key, now) is is_old_now
