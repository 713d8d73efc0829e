"""Stripe's two modes: what is of the other mode than the key counts for nothing, however well it is signed."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
import stripe

from batteries_apiserver.billing.events import verified
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_sandbox.stripe import StripeSettings, serve

PRICE = "price_standin_monthly"
KEYS = {False: "sk_test_sandbox", True: "sk_live_sandbox"}
WEBHOOK_SECRET = "whsec_sandbox"


async def installation() -> str:
    return "test"


@asynccontextmanager
async def gateway(*, key: bool, account: bool, price: str | None) -> AsyncIterator[tuple[StripeGateway, str]]:
    """A gateway whose key is live or not, and a Stripe that answers it with objects that are live or not."""
    settings = StripeSettings(secret_key=KEYS[account], webhook_secret=WEBHOOK_SECRET)
    async with serve(settings) as url, aiohttp.ClientSession() as session:
        http = stripe.AIOHTTPClient(session=session)
        client = stripe.StripeClient(KEYS[account], http_client=http, base_addresses={"api": url})
        yield (
            StripeGateway(client, WEBHOOK_SECRET, price, livemode=key, installation=installation, success_url="x"),
            url,
        )


@pytest.mark.parametrize("price", [None, PRICE], ids=["card", "subscription"])
@pytest.mark.parametrize("account", [False, True], ids=["test objects", "live objects"])
@pytest.mark.parametrize("key", [False, True], ids=["test key", "live key"])
async def test_only_sessions_and_cards_of_the_keys_mode_count(key: bool, account: bool, price: str | None) -> None:
    async with gateway(key=key, account=account, price=price) as (stripes, url), aiohttp.ClientSession() as http:
        begun = await stripes.new_session(
            "a@example.com", success_url="https://x.example", cancel_url="https://x.example"
        )
        assert begun.session_id.startswith("cs_live_" if account else "cs_test_")
        path, headers = (
            f"{url}/_standin/sessions/{begun.session_id}/complete",
            {"Authorization": f"Bearer {KEYS[account]}"},
        )
        async with http.post(path, headers=headers) as response:
            customer = (await response.json())["customer"]
        assert (await stripes.completed_session(begun.session_id) is not None) is (key is account)
        assert (await stripes.standing(customer)).can_pay is (key is account)


@pytest.mark.parametrize("event", [False, True], ids=["test event", "live event"])
@pytest.mark.parametrize("key", [False, True], ids=["test key", "live key"])
async def test_a_signed_event_of_the_other_mode_is_not_ours(key: bool, event: bool) -> None:
    about: dict[str, Any] = {"id": "cs_1", "object": "checkout.session", "customer": "cus_1"}
    body = orjson.dumps(
        {"id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": event, "data": {"object": about}}
    )
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(), WEBHOOK_SECRET, timestamp=int(time.time())
    )
    async with gateway(key=key, account=key, price=None) as (stripes, _):
        assert stripes.is_ours(verified(body, header, WEBHOOK_SECRET)) is (key is event)
