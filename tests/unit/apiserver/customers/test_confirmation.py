"""The link in a mail confirms a customer's e-mail address."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of

from batteries_crds.base import to_rfc3339, utc_now


def add_link(world: World, *, email: str = "a@example.com", hours: float = 24, secret: str = "s3cret") -> str:  # noqa: S107  # of no use
    """A Notification as the operator leaves it; its token."""
    name = "5b8a54a8-4444-4c11-8a11-0123456789ab"
    token = f"{name}.{secret}"
    confirmation = {
        "email": email,
        "tokenHash": hashlib.sha256(token.encode()).hexdigest(),
        "expiresAt": to_rfc3339(utc_now() + timedelta(hours=hours)),
    }
    spec = {"kind": "ConfirmEmail", "customerRef": {"name": "c"}}
    world.add("notifications", name, spec, {"state": "Sent", "confirmation": confirmation})
    return token


async def test_only_the_button_confirms_and_the_link_works_once(client: Client, world: World) -> None:
    world.add_customer()
    token = add_link(world)
    page = await client.get("/confirm-email")
    assert page.status == 200
    assert (await client.get("/confirm-email.js")).status == 200
    assert world.items("customers")["c"].spec.confirmed_email is None
    answers = await asyncio.gather(*(client.post("/v1/confirm-email", json={"token": token}) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404, 404]
    assert world.items("customers")["c"].is_confirmed
    assert world.items("notifications") == {}
    again = await client.post("/v1/confirm-email", json={"token": token})
    assert (again.status, await error_of(again)) == (404, "confirmation_not_found")


@pytest.mark.parametrize(
    ("link", "change"),
    [
        ({"hours": -0.01}, str),
        ({}, lambda token: token + "x"),
        ({}, lambda token: token.partition(".")[0]),
        ({}, lambda token: token.upper()),
        ({"email": "before@example.com"}, str),
    ],
    ids=["too old", "longer", "no secret", "another case", "the address was changed"],
)
async def test_a_link_that_is_not_right_confirms_nothing(
    client: Client, world: World, link: dict[str, Any], change: Callable[[str], str]
) -> None:
    world.add_customer()
    response = await client.post("/v1/confirm-email", json={"token": change(add_link(world, **link))})
    assert (response.status, await error_of(response)) == (404, "confirmation_not_found")
    assert world.items("customers")["c"].spec.confirmed_email is None


async def test_the_mail_can_be_asked_for_a_few_times_a_day_until_the_address_is_confirmed(
    client: Client, world: World
) -> None:
    world.add_customer()
    for _ in range(5):
        response = await client.post("/v1/customer/confirmation", headers=world.headers)
        assert response.status == 202
        assert "a@example.com" in (await response.json())["message"]
    response = await client.post("/v1/customer/confirmation", headers=world.headers)
    assert (response.status, await error_of(response)) == (429, "too_many_confirmations")
    assert 0 < int(response.headers["Retry-After"]) <= 86_401
    assert len(world.items("notifications")) == 5
    await world.kube.customers.merge("n", "c", {"spec": {"confirmedEmail": "A@example.com"}})
    response = await client.post("/v1/customer/confirmation", headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "email_confirmed")
