"""The first administrator's key: made once, whoever is killed when, and never out of a foreign Secret."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog
from fakes.api_world import NAMESPACE, World, error_of
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.key_format import digest, mint
from batteries_apiserver.keys.first_admin_key import FIELD, ensure, minted_in_background
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.identity import derived_uuid

pytestmark = pytest.mark.virtual_time
SECRET = "first-admin"


def admins(world: World) -> list[Any]:
    return [one for one in world.items("keys").values() if one.spec.role == "admin"]


async def raw(world: World) -> str:
    return (await world.kube.secrets.get(NAMESPACE, SECRET)).data[FIELD]


def name(number: int) -> str:
    return str(derived_uuid(f"first-admin-key/{NAMESPACE}/{SECRET}/{number}"))


def add_unfinished(world: World, number: int, ago: timedelta, **spec: Any) -> None:
    """An ApiKey whose maker was killed before it wrote the Secret, or is about to write it."""
    key = mint()
    hashes = {"keyPrefix": key.prefix, "keyHash": key.digest}
    made = to_rfc3339(utc_now() - ago)
    world.add("keys", name(number), {"role": "admin", **hashes, **spec}, {}, creationTimestamp=made)


async def test_the_secret_holds_an_administrators_key(world: World) -> None:
    assert await ensure(world.kube, SECRET)
    [key] = admins(world)
    assert (key.spec.key_hash, key.spec.name) == (digest(await raw(world)), f"Secret {SECRET}")
    assert key.metadata.name == name(1)
    assert world.kube.caches.keys.get(name(1)) is not None


async def test_it_is_made_once(world: World) -> None:
    assert await ensure(world.kube, SECRET)
    first = await raw(world)
    assert await ensure(world.kube, SECRET)
    assert (await raw(world), len(admins(world))) == (first, 1)


async def test_of_two_replicas_at_once_one_makes_it(world: World) -> None:
    done = await asyncio.gather(*(ensure(each.kube, SECRET) for each in (world, world.replica())))
    assert sorted(done) in ([False, True], [True, True])
    working = [key for key in admins(world) if key.spec.revoked_at is None]
    assert [key.spec.key_hash for key in working] == [digest(await raw(world))]


@pytest.mark.parametrize(("seconds", "made"), [(30, False), (90, True)])
async def test_a_key_without_a_secret_is_waited_for_and_after_a_minute_replaced(
    world: World, seconds: int, made: bool
) -> None:
    add_unfinished(world, 1, timedelta(seconds=seconds))
    assert await ensure(world.kube, SECRET) is made
    assert (world.items("keys")[name(1)].spec.revoked_at is not None) is made
    assert (name(2) in world.items("keys")) is made
    if made:
        assert world.items("keys")[name(2)].spec.key_hash == digest(await raw(world))


async def test_revoked_ones_are_passed_over(world: World) -> None:
    revoked = {"revokedAt": "2026-01-01T00:00:00Z"}
    add_unfinished(world, 1, timedelta(), **revoked)
    add_unfinished(world, 2, timedelta(), **revoked)
    assert await ensure(world.kube, SECRET)
    assert name(3) in world.items("keys")


async def test_a_secret_that_appears_meanwhile_is_left_alone_and_our_key_revoked(world: World) -> None:
    def appear(request: Any) -> None:
        if request.method == "POST" and request.plural == "apikeys":
            world.api.cluster.put("Secret", NAMESPACE, {"metadata": {"name": SECRET}, "data": {}})

    world.api.before = appear
    assert not await ensure(world.kube, SECRET)
    assert [key.spec.revoked_at is not None for key in admins(world)] == [True]


@pytest.mark.parametrize("content", ["", "nonsense", mint().raw], ids=["empty", "no key", "unknown key"])
async def test_a_secret_of_somebody_else_makes_nobody_an_administrator(world: World, content: str) -> None:
    await world.kube.secrets.create(NAMESPACE, SECRET, {FIELD: content})
    with structlog.testing.capture_logs() as lines:
        assert not await ensure(world.kube, SECRET)
    assert [line["event"] for line in lines] == ["first_admin_key_unusable"]
    assert admins(world) == []
    assert await raw(world) == content


async def test_a_customers_key_in_the_secret_makes_no_administrator(world: World) -> None:
    await world.kube.secrets.create(NAMESPACE, SECRET, {FIELD: world.key.raw})
    assert not await ensure(world.kube, SECRET)


@pytest.mark.parametrize("error", [ApiException(status=503), TimeoutError()], ids=repr)
async def test_an_outage_at_the_start_is_waited_out_in_the_background(world: World, error: Exception) -> None:
    failures = 7

    def fail(request: Any) -> None:
        nonlocal failures
        if request.plural == "secrets" and failures > 0:
            failures -= 1
            raise error

    world.api.before = fail
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with minted_in_background(world.kube, SECRET):
        while not admins(world):
            await asyncio.sleep(1)
    # Six pauses of ten seconds, and then five minutes.
    assert 360 <= loop.time() - begun < 365


async def test_once_it_is_there_kubernetes_is_asked_no_more(world: World) -> None:
    async with minted_in_background(world.kube, SECRET):
        await asyncio.sleep(5)
        asked = len(world.api.requests)
        await asyncio.sleep(3600)
    assert len(world.api.requests) == asked


async def test_the_application_makes_it_where_a_secret_is_named_and_it_opens_the_admins_routes(
    world: World, aiohttp_client: Any
) -> None:
    await ensure(world.kube, SECRET)
    client = await aiohttp_client(world.app(admin_key_secret=SECRET))
    headers = {"Authorization": f"Bearer {await raw(world)}"}
    assert (await client.get("/v1/admin/accounts", headers=headers)).status == 200
    refused = await client.get("/v1/admin/accounts", headers=world.headers)
    assert (refused.status, await error_of(refused)) == (401, "not_an_admin_key")
