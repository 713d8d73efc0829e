"""Customers make and revoke their own keys."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from fakes.api_world import Client, World, error_of
from fakes.kube_api import Request
from kubernetes.aio.client import ApiException

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
    assert not any(each.is_status and each.name == looker.prefix for each in world.requests("keys")), "it marks nothing"


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


async def test_a_key_that_is_gone_or_revoked_meanwhile_is_what_it_is(client: Client, world: World) -> None:
    second, third = mint(), mint()
    for key in (second, third):
        world.add_key(key)
    ours = {key.prefix: world.items("keys")[key.prefix] for key in (second, third)}
    world.api.cluster.delete("ApiKey", "n", second.prefix)
    assert await revoke(client, world, ours[second.prefix]) == (404, "key_not_found")
    moment = to_rfc3339(utc_now() - timedelta(minutes=5))
    world.api.cluster.patch("ApiKey", "n", third.prefix, {"spec": {"revokedAt": moment}}, status=False)
    assert await revoke(client, world, ours[third.prefix]) == (204, None)
    assert to_rfc3339(world.items("keys")[third.prefix].spec.revoked_at) == moment, "the first time stays"
    assert (await client.get("/v1/keys", headers=world.headers_of(third))).status == 401, "the caches know it at once"


async def test_a_key_that_others_change_is_tried_a_few_times_and_is_then_busy(client: Client, world: World) -> None:
    second = mint()
    world.add_key(second)
    key = world.items("keys")[second.prefix]
    conflicts = 0

    def conflict(request: Request) -> None:
        nonlocal conflicts
        if request.method == "PATCH" and request.plural == "apikeys" and not request.is_status and conflicts:
            conflicts -= 1
            raise ApiException(status=409)

    world.api.before = conflict
    conflicts = 100
    assert await revoke(client, world, key) == (503, "busy")
    tried = 100 - conflicts
    assert 2 <= tried <= 20
    conflicts = tried - 1
    assert await revoke(client, world, key) == (204, None)


async def test_a_revocation_that_kubernetes_refuses_is_not_tried_again(client: Client, world: World) -> None:
    second = mint()
    world.add_key(second)
    world.fail("keys", ApiException(status=403), "PATCH")
    before = len(world.requests("keys"))
    assert await revoke(client, world, world.items("keys")[second.prefix]) == (503, "unavailable")
    assert sum(each.method == "PATCH" for each in world.requests("keys")[before:]) == 1
