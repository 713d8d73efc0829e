"""Who gets in with which key, and what a refusal says."""

from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.http.route import Access, Route
from batteries_apiserver.routes import ROUTES
from batteries_crds.base import to_rfc3339, utc_now

PUBLIC = {
    *("/v1/confirm-email", "/confirm-email", "/confirm-email.js"),
    *(
        "/v1/stripe/setup",
        "/v1/stripe/session/{id}",
        "/v1/stripe/callback",
        "/checkout/complete",
        "/checkout/done",
        "/checkout/cancelled",
        "/checkout/returned",
        "/checkout/checkout.css",
        "/checkout/checkout.js",
        "/checkout/icon.svg",
    ),
    *("/.well-known/openid-configuration", "/.well-known/jwks.json"),
    *("/v1/openapi.json", "/v1/llms.txt", "/llms.txt", "/docs", "/docs/docs.js", "/docs/docs.css"),
    *("/", "/v1", "/openapi.json", "/.well-known/api-catalog", "/robots.txt", "/favicon.ico"),
    *("/healthz", "/readyz"),
}


GUARDED = [route for route in ROUTES if route.access is not Access.ANYONE]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path not in PUBLIC], ids=str)
async def test_every_route_that_is_not_public_wants_a_key(client: Client, route: Route) -> None:
    response = await client.request(route.method, route.path.replace("{id}", "x"), data=b"not json")
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="AI Batteries Included"'
    assert await error_of(response) == "missing_api_key"


async def test_a_key_made_on_another_replica_works_at_once_and_costs_one_read(client: Client, world: World) -> None:
    other = mint()
    world.add_key(other, live_only=True)
    for _ in range(3):
        response = await client.get("/v1/accounts", headers=world.headers_of(other))
        assert response.status == 200
    assert world.reads("keys") == 1


async def test_a_malformed_key_costs_no_read_and_an_unknown_one_a_single_read(client: Client, world: World) -> None:
    bad = mint().raw[:-1] + "!"
    assert (await client.get("/v1/accounts", headers={"Authorization": f"Bearer {bad}"})).status == 401
    assert world.reads("keys") == 0
    unknown = mint().raw
    for _ in range(5):
        response = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {unknown}"})
        assert response.status == 401
        assert await error_of(response) == "invalid_api_key"
    assert world.reads("keys") == 1


async def test_a_revoked_key_is_refused(client: Client, world: World) -> None:
    revoked = mint()
    world.add_key(revoked, revokedAt="2026-11-24T08:00:00Z")
    response = await client.get("/v1/accounts", headers=world.headers_of(revoked))
    assert response.status == 401
    assert await error_of(response) == "revoked_api_key"


async def test_an_administrators_key_owns_no_accounts(client: Client, world: World) -> None:
    admin = mint()
    world.add_key(admin, customerRef=None, role="admin")
    response = await client.get("/v1/accounts", headers=world.headers_of(admin))
    assert response.status == 403
    assert await error_of(response) == "customer_key_required"


@pytest.mark.parametrize("route", GUARDED, ids=str)
async def test_a_read_key_may_look_and_neither_change_nor_reveal_anything(
    client: Client, world: World, route: Route
) -> None:
    looker = mint()
    world.add_customer()
    owner: dict[str, Any] = {"role": "admin", "customerRef": None} if route.access is Access.ADMIN else {}
    world.add_key(looker, scope="read", **owner)
    headers = world.headers_of(looker)
    response = await client.request(route.method, route.path.replace("{id}", "x"), headers=headers)
    if route.method == "GET":
        assert response.status in (200, 400, 404)
    else:
        assert (response.status, await error_of(response)) == (403, "scope_read_only")


async def test_a_key_that_expired_opens_nothing_from_that_second_on(client: Client, world: World) -> None:
    for seconds, status in ((-1, 401), (60, 200)):
        key = mint()
        world.add_key(key, expiresAt=to_rfc3339(utc_now() + timedelta(seconds=seconds)))
        response = await client.get("/v1/keys", headers=world.headers_of(key))
        assert response.status == status
        if status == 401:
            assert await error_of(response) == "expired_api_key"
