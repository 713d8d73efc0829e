"""A confirmation that meets other writers, a Customer that is gone, or an outage."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of
from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339, utc_now

NAME = "5b8a54a8-4444-4c11-8a11-0123456789ab"
TOKEN = f"{NAME}.s3cret"


def add_link(world: World) -> None:
    """A mail that was sent to the Customer."""
    confirmation = {
        "email": "A@Example.com",
        "tokenHash": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "expiresAt": to_rfc3339(utc_now() + timedelta(hours=1)),
    }
    spec = {"kind": "ConfirmEmail", "customerRef": {"name": "c"}}
    world.add("notifications", NAME, spec, {"state": "Sent", "confirmation": confirmation})


async def confirm(client: Client, token: str = TOKEN) -> Any:
    return await client.post("/v1/confirm-email", json={"token": token})


async def test_the_address_of_the_mail_counts_whatever_its_case_and_blanks_around_the_token(
    client: Client, world: World
) -> None:
    world.add_customer()
    add_link(world)
    response = await confirm(client, f" {TOKEN}\n")
    assert (response.status, await response.json()) == (200, {"confirmed": True, "email": "a@example.com"})
    assert response.headers["Cache-Control"] == "no-store"
    known = world.kube.caches.customers.get("c")
    assert known is not None
    assert known.is_confirmed


@pytest.mark.parametrize(("conflicts", "status"), [(7, 200), (8, 503)])
async def test_other_writers_are_tried_against_eight_times(
    client: Client, world: World, conflicts: int, status: int
) -> None:
    world.add_customer()
    add_link(world)

    def conflict(request: Any) -> None:
        nonlocal conflicts
        if request.method == "PATCH" and conflicts > 0:
            conflicts -= 1
            raise ApiException(status=409)

    world.api.before = conflict
    response = await confirm(client)
    assert response.status == status
    assert status == 200 or await error_of(response) == "busy"
    assert world.items("customers")["c"].is_confirmed is (status == 200)


async def test_an_outage_amid_it_leaves_the_link_as_it_is(client: Client, world: World) -> None:
    world.add_customer()
    add_link(world)
    world.fail("customers", ApiException(status=500), "PATCH")
    assert (await confirm(client)).status == 503
    world.fail("customers", None)
    assert (await confirm(client)).status == 200


async def test_a_customer_who_is_gone_confirms_nothing(client: Client, world: World) -> None:
    add_link(world)
    response = await confirm(client)
    assert (response.status, await error_of(response)) == (404, "confirmation_not_found")


@pytest.mark.parametrize("status", [404, 409])
async def test_a_link_that_somebody_else_took_away_meanwhile_does_no_harm(
    client: Client, world: World, status: int
) -> None:
    world.add_customer()
    add_link(world)
    world.fail("notifications", ApiException(status=status), "DELETE")
    assert (await confirm(client)).status == 200
    world.fail("notifications", None)
    assert (await confirm(client)).status == 404, "the address is confirmed"


async def test_a_customer_who_is_gone_gets_no_mail(client: Client, world: World) -> None:
    response = await client.post("/v1/customer/confirmation", headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "customer_gone")
    assert world.items("notifications") == {}
