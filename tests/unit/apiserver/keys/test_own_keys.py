"""Customers make and revoke their own keys."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from fakes.api_world import Client, World, error_of

from batteries_apiserver.auth.key_format import mint
from batteries_crds.api_key import ApiKey
from batteries_crds.base import to_rfc3339, utc_now


async def test_the_limit_of_keys_holds_against_requests_at_once(client: Client, world: World) -> None:
    world.add_customer()
    answers = await asyncio.gather(
        *(client.post("/v1/keys", headers=world.headers, json={"name": "x"}) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 17, "one key is there already"
    refused = next(answer for answer in answers if answer.status == 409)
    assert await error_of(refused) == "key_limit_reached"
    assert len(world.items("keys")) == 4


async def test_a_key_is_made_with_the_scope_and_the_life_that_were_asked_for(client: Client, world: World) -> None:
    world.add_customer()
    wanted = {"name": "CI", "scope": "read", "expiresAt": "2099-01-01T01:00:00+01:00"}
    made = await (await client.post("/v1/keys", headers=world.headers, json=wanted)).json()
    assert (made["scope"], made["expiresAt"]) == ("read", "2099-01-01T00:00:00Z")
    usual = await (await client.post("/v1/keys", headers=world.headers, json={"name": "CI"})).json()
    assert usual["scope"] == "full"
    assert "expiresAt" not in usual
    listed = (await (await client.get("/v1/keys", headers=world.headers)).json())["keys"]
    assert {one["id"]: one["scope"] for one in listed}[made["id"]] == "read"


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "tomorrow", 4_000_000_000, "2099-01-01"])
async def test_a_life_that_is_over_or_no_time_is_refused(client: Client, world: World, moment: Any) -> None:
    response = await client.post("/v1/keys", headers=world.headers, json={"name": "CI", "expiresAt": moment})
    assert (response.status, await error_of(response)) == (400, "invalid_request")


async def revoke(client: Client, world: World, key: ApiKey) -> tuple[int, str | None]:
    response = await client.delete(f"/v1/keys/{key.key_id}", headers=world.headers)
    return response.status, None if response.status == 204 else await error_of(response)


async def test_the_last_key_that_can_make_others_is_not_revoked(client: Client, world: World) -> None:
    own = world.items("keys")[world.key.prefix]
    world.add_key(mint(), scope="read")
    world.add_key(mint(), expiresAt=to_rfc3339(utc_now() - timedelta(days=1)))
    world.add_key(mint(), revokedAt=to_rfc3339(utc_now()))
    world.add_key(mint(), customerRef={"name": "another"})
    assert await revoke(client, world, own) == (409, "last_key")
    assert world.items("keys")[world.key.prefix].spec.revoked_at is None
    second = mint()
    world.add_key(second)
    assert await revoke(client, world, own) == (204, None)
    assert world.items("keys")[world.key.prefix].spec.revoked_at is not None


async def test_a_key_that_makes_no_others_is_revoked_whatever_is_left(client: Client, world: World) -> None:
    looker = mint()
    world.add_key(looker, scope="read")
    assert await revoke(client, world, world.items("keys")[looker.prefix]) == (204, None)


async def test_of_two_requests_at_once_on_two_replicas_one_key_stays(
    client: Client, world: World, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> None:
    """Each replica has its own turns; what they share is Kubernetes."""
    second = mint()
    world.add_key(second)
    other = world.replica()
    keys = [world.items("keys")[key.prefix] for key in (world.key, second)]
    clients = client, await aiohttp_client(other.app())
    outcomes = await asyncio.gather(*(revoke(at, world, key) for at, key in zip(clients, keys, strict=True)))
    assert (409, "last_key") in outcomes
    assert any(key.spec.revoked_at is None for key in world.items("keys").values())


async def test_a_revocation_that_broke_off_long_ago_does_not_count_as_one(client: Client, world: World) -> None:
    broken_off = mint()
    world.add_key(broken_off)
    asked = {"revocationAskedAt": to_rfc3339(utc_now() - timedelta(minutes=5))}
    await world.kube.keys.merge_status("n", broken_off.prefix, {"status": asked})
    assert await revoke(client, world, world.items("keys")[world.key.prefix]) == (204, None)
