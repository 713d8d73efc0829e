"""What the webhook takes: bodies that Stripe signed just now, whatever is in them."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import stripe
from fakes.api_world import WEBHOOK_SECRET, Client, error_of

from batteries_apiserver.billing.events import SUBSCRIBED
from batteries_apiserver.billing.gateway import StripeGateway


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age: int = 0) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(errors="replace"), secret, timestamp=int(time.time()) - age
    )
    return {"Stripe-Signature": header}


EVENT = orjson.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "livemode": False,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    }
)


ANYTHING: list[Any] = [
    None,
    True,
    0,
    1e300,
    10**400,
    "",
    "x",
    "a/../b",
    "\x00",
    "\ud800",
    "é",
    [],
    ["x"],
    {},
    {"id": "x"},
    [[]],
]
"""What JSON can hold, and strings that are no ids."""


WHOLE: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "livemode": False,
    "type": "checkout.session.completed",
    "data": {
        "object": {"id": "cs_1", "object": "checkout.session", "customer": "cus_1"},
        "previous_attributes": {"customer": "cus_1"},
    },
}


def paths_of(value: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        yield (*above, name)
        if isinstance(part, dict):
            yield from paths_of(part, (*above, name))


def replaced(value: dict[str, Any], path: tuple[str, ...], new: Any) -> dict[str, Any]:
    first, *rest = path
    return {**value, first: replaced(value[first], tuple(rest), new) if rest else new}


async def test_an_event_that_does_not_concern_us_is_acknowledged(client: Client) -> None:
    assert (await client.post("/v1/stripe/callback", data=EVENT, headers=signed(EVENT))).status == 200


@pytest.mark.parametrize("livemode", [True, False])
async def test_an_event_of_the_other_mode_is_acknowledged_and_not_acted_on(client: Client, livemode: bool) -> None:
    event = {**orjson.loads(EVENT), "type": "checkout.session.completed", "livemode": livemode}
    body = orjson.dumps({**event, "data": {"object": {"id": "cs_test_aaaaaaaa", "object": "checkout.session"}}})
    response = await client.post("/v1/stripe/callback", data=body, headers=signed(body))
    # The key is a test-mode key, and Stripe is down in these tests: whoever acts asks it, and answers 503.
    assert response.status == (200 if livemode else 503)


@pytest.mark.parametrize("kind", sorted(SUBSCRIBED))
async def test_a_signed_event_of_any_shape_is_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def completed_session(gateway: StripeGateway, session_id: str) -> None:
        assert re.fullmatch("[A-Za-z0-9_]+", session_id), "Stripe is asked for nothing that is no id"

    monkeypatch.setattr(StripeGateway, "completed_session", completed_session)
    whole = {**WHOLE, "type": kind}
    customer = replaced(whole, ("data", "object"), {"id": "cus_1", "object": "customer"})
    for sound in (whole, customer):
        for path in paths_of(sound):
            for value in ANYTHING:
                body = json.dumps(replaced(sound, path, value)).encode()
                status = (await client.post("/v1/stripe/callback", data=body, headers=signed(body))).status
                assert status in (200, 400), f"{status}: {body!r}"


async def test_a_signed_body_of_any_shape_is_answered(client: Client) -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    for body in (*(json.dumps(value).encode() for value in ANYTHING), deep, b'{"data":' * 5_000 + b"1" + b"}" * 5_000):
        response = await client.post("/v1/stripe/callback", data=body, headers=signed(body))
        assert (response.status, await error_of(response)) == (400, "invalid_signature"), body[:50]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (EVENT, {}),
        (EVENT, {"Stripe-Signature": "nonsense"}),
        (EVENT, signed(EVENT, secret="whsec_other")),
        (EVENT, signed(EVENT, age=400)),
        (EVENT, signed(EVENT, age=-100_000)),
        (EVENT + b" ", signed(EVENT)),
        (b"\xff\xfe", signed(b"x")),
        (b"[]", signed(b"[]")),
        (b"{}", signed(b"{}")),
        (b"no json", signed(b"no json")),
    ],
    ids=[
        "unsigned",
        "nonsense",
        "other secret",
        "old",
        "of the future",
        "changed",
        "not UTF-8",
        "list",
        "empty object",
        "no JSON",
    ],
)
async def test_only_what_stripe_signed_for_us_just_now_is_read(
    client: Client, body: bytes, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/stripe/callback", data=body, headers=headers)
    assert response.status == 400
    assert await error_of(response) == "invalid_signature"


async def test_the_time_of_a_signature_is_found_wherever_it_stands(client: Client) -> None:
    moment, _, signature = signed(EVENT)["Stripe-Signature"].partition(",")
    for order in (f"v0=old,{moment},{signature}", f"{signature},{moment}", f"{moment},{signature},v0=old"):
        response = await client.post("/v1/stripe/callback", data=EVENT, headers={"Stripe-Signature": order})
        assert response.status == 200, order
