"""What a sign-up costs is what Stripe has, and never a guess."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import stripe
import structlog

from batteries_apiserver.billing import cost
from batteries_apiserver.billing.cost import BY_USE, FREE, UNKNOWN, Price, cost_of
from batteries_apiserver.runtime.metrics import STRIPE_FAILURES
from batteries_sandbox.stripe import StripeSettings, serve

PRICE, KEY = "price_standin_monthly", "sk_test_sandbox"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[stripe.StripeClient]:
    async with serve(StripeSettings(secret_key=KEY)) as url, aiohttp.ClientSession() as http:
        yield stripe.StripeClient(
            KEY,
            http_client=stripe.AIOHTTPClient(session=http),
            base_addresses={"api": url},
            max_network_retries=0,
        )


async def test_the_price_is_read_once_and_stays_known(client: stripe.StripeClient) -> None:
    price = Price(client, PRICE, False)
    known = await price.cost()
    assert known["charged"]
    assert known["price"] == {"amount": "29.00", "currency": "USD", "interval": "month", "intervalCount": 1}
    assert "29.00 USD, charged at once and again every month" in known["summary"]
    price.client = stripe.StripeClient("sk_test_other", base_addresses={"api": "http://localhost:1"})
    assert await price.cost() is known, "Stripe is not asked again"


async def test_without_a_price_nothing_is_charged_and_stripe_is_not_asked() -> None:
    nobody = stripe.StripeClient("sk_test_x", base_addresses={"api": "http://localhost:1"})
    assert await Price(nobody, None, False).cost() == {"summary": FREE, "charged": False}


@pytest.mark.parametrize(("price_id", "livemode"), [("price_gone", False), (PRICE, True)], ids=["unknown", "mode"])
async def test_what_stripe_does_not_say_is_unknown_and_asked_again_later(
    client: stripe.StripeClient, monkeypatch: pytest.MonkeyPatch, price_id: str, livemode: bool
) -> None:
    price = Price(client, price_id, livemode)
    assert await price.cost() == {"summary": UNKNOWN, "charged": True}
    price.price_id, price.livemode = PRICE, False
    assert "price" not in await price.cost(), "not at every request"
    monkeypatch.setattr(cost, "_AGAIN_SECONDS", 0)
    assert (await price.cost())["price"]["currency"] == "USD"


def price(**changes: Any) -> dict[str, Any]:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"} | changes.pop("recurring", {})
    return {"billing_scheme": "per_unit", "currency": "usd", "unit_amount": 2900, "recurring": recurring} | changes


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "29.00 USD, charged at once and again every month until"),
        ({"recurring": {"interval_count": 3}}, "29.00 USD, charged at once and again every 3 months until"),
        ({"unit_amount": 5, "currency": "eur", "recurring": {"interval": "year"}}, "0.05 EUR, charged at once and"),
        ({"unit_amount": 500, "currency": "jpy"}, "500 JPY,"),
        ({"unit_amount": 1500, "currency": "kwd"}, "1.500 KWD,"),
        ({"unit_amount": 500, "currency": "ugx"}, "5.00 UGX,"),
    ],
)
def test_amounts_are_in_the_currencys_main_unit(changes: dict[str, Any], says: str) -> None:
    assert says in cost_of(price(**changes), NOW)["summary"]


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_amount": None},
        {"billing_scheme": "tiered"},
        {"recurring": {"usage_type": "metered"}},
        {"transform_quantity": {"divide_by": 5, "round": "up"}},
    ],
)
def test_a_price_that_depends_on_use_names_no_amount(changes: dict[str, Any]) -> None:
    assert cost_of(price(**changes), NOW) == {"summary": BY_USE, "charged": True, "asOf": "2026-11-30T00:00:00Z"}


async def test_a_key_that_may_not_read_prices_is_told_to_the_installer_and_nobody_else() -> None:
    async def refused(price_id: str) -> Any:
        raise stripe.PermissionError("The key lacks it")

    client: Any = SimpleNamespace(v1=SimpleNamespace(prices=SimpleNamespace(retrieve_async=refused)))
    before = STRIPE_FAILURES.labels("not_permitted")._value.get()
    with structlog.testing.capture_logs() as lines:
        assert await Price(client, PRICE, False).cost() == {"summary": UNKNOWN, "charged": True}
    assert [(line["event"], line["log_level"]) for line in lines] == [("price_not_readable", "warning")]
    assert STRIPE_FAILURES.labels("not_permitted")._value.get() == before, "a price is not needed to sign up"
