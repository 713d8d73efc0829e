"""A replica gets requests when its caches are complete and current, and until it shuts down."""

from types import SimpleNamespace

import pytest
from aiohttp import web
from fakes.api_world import Client, World, error_of

from batteries_apiserver.cache import watch
from batteries_apiserver.http.drain import DRAIN

RESOURCES = {"accounts": "awsaccounts", "customers": "customers", "keys": "apikeys"}


@pytest.mark.parametrize("kind", RESOURCES)
async def test_a_replica_that_heard_nothing_of_one_kind_for_over_a_minute_is_not_ready(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    now, caches = [0.0], world.kube.caches
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    getattr(caches, kind).heard()
    now[0] = 60.0
    for cache in caches.all():
        if cache.resource != RESOURCES[kind]:
            cache.heard()
    assert (await client.get("/readyz")).status == 200
    now[0] = 60.1
    response = await client.get("/readyz")
    assert response.status == 503
    assert RESOURCES[kind] in (await response.json())["error"]


@pytest.mark.parametrize("kind", RESOURCES)
async def test_a_replica_one_of_whose_caches_is_not_filled_is_not_ready(
    client: Client, world: World, kind: str
) -> None:
    getattr(world.kube.caches, kind).synced.clear()
    response = await client.get("/readyz")
    assert response.status == 503
    assert f"The cache of {RESOURCES[kind]} has not been filled yet." == (await response.json())["error"]


async def test_a_replica_that_is_not_ready_is_alive(client: Client, world: World) -> None:
    world.kube.caches.keys.synced.clear()
    assert (await client.get("/healthz")).status == 200


async def test_a_replica_that_shuts_down_says_so_to_who_asks_whether_it_is_ready(
    app: web.Application, client: Client
) -> None:
    app[DRAIN].begun = True
    response = await client.get("/readyz")
    assert (response.status, await error_of(response)) == (503, "not_ready")
    assert (await client.get("/healthz")).status == 200


async def test_before_the_caches_are_filled_nobody_is_told_half_the_truth(client: Client, world: World) -> None:
    world.kube.caches.accounts.synced.clear()
    assert (await client.get("/v1/accounts", headers=world.headers)).status == 503
