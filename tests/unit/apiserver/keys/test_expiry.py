"""Keys that ended are deleted ninety days later."""

from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import World

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.keys.expiry import delete_old_keys
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
