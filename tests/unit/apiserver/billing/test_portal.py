"""The customer portal, and the checkout to subscribe again: what Stripe is asked, and what each answer means."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import stripe
import structlog
from fakes.api_world import Client, World, error_of

from batteries_apiserver.billing.portal_calls import PortalCalls
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.settings import Settings
from batteries_sandbox.stripe import StripeSettings, serve

PRICE, BACK = "price_team", "https://api.example/back"
MARK = {"created_by": "ai-batteries-included", "installation": "here"}


class Shop:
    """The stand-in, and the calls to it."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http
        self.client = stripe.StripeClient(
            "sk_test_sandbox",
            http_client=stripe.AIOHTTPClient(session=http),
            base_addresses={"api": url},
            max_network_retries=0,
        )

    def calls(self, *, price: str | None = PRICE, configuration: str | None = None) -> PortalCalls:
        async def mark() -> dict[str, str]:
            return MARK

        return PortalCalls(self.client, price, configuration, mark)

    async def customer(self) -> str:
        return (await self.client.v1.customers.create_async({"email": "a@example.com"})).id

    async def tool(self, path: str, **fields: str) -> None:
        async with self.http.post(f"{self.url}/_standin/{path}", data=fields) as answer:
            assert answer.status == 200

    async def sessions(self, customer: str) -> list[stripe.checkout.Session]:
        return (await self.client.v1.checkout.sessions.list_async({"customer": customer})).data


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with serve(StripeSettings(price_ids=(PRICE, "price_other"))) as url, aiohttp.ClientSession() as http:
        yield Shop(url, http)


async def test_the_portal_leads_back_and_has_the_wanted_configuration(shop: Shop) -> None:
    customer = await shop.customer()
    url = await shop.calls().url(customer, return_url=BACK)
    assert str(url).startswith(f"{shop.url}/p/session/test_")
    made = await shop.client.v1.billing_portal.configurations.create_async(
        {"features": {"invoice_history": {"enabled": True}}}
    )
    await shop.calls(configuration=made.id).url(customer, return_url=BACK)
    events = (await shop.client.v1.events.list_async({"type": "billing_portal.session.created"})).data
    sessions = [event.data.object for event in reversed(events)]
    assert [session["return_url"] for session in sessions] == [BACK, BACK]
    assert [session["configuration"] == made.id for session in sessions] == [False, True]


async def test_a_customer_that_stripe_does_not_have_is_none(shop: Shop) -> None:
    assert await shop.calls().url("cus_nobody", return_url=BACK) is None
    assert await shop.calls().checkout_again("cus_nobody", return_url=BACK) is None


@pytest.mark.parametrize("configuration", [None, "bpc_nothing"])
async def test_a_portal_that_is_not_set_up_is_the_operators_to_mend(shop: Shop, configuration: str | None) -> None:
    await shop.tool("portal", cancel="none")
    with structlog.testing.capture_logs() as logs, pytest.raises(Unavailable) as refused:
        await shop.calls(configuration=configuration).url(await shop.customer(), return_url=BACK)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("portal_not_configured", "3600")
    assert [line["event"] for line in logs] == ["stripe_portal_not_set_up"]


async def test_another_refusal_is_stripes_fault(shop: Shop) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(Unavailable) as refused:
        await shop.calls().url(await shop.customer(), return_url="nowhere")
    assert refused.value.code == "stripe_unavailable"
    assert [(line["event"], line["outcome"]) for line in logs] == [("stripe_failed", "invalid_request")]


async def test_a_checkout_to_subscribe_again_is_for_the_customer_and_gives_out_no_key(shop: Shop) -> None:
    customer = await shop.customer()
    url = await shop.calls().checkout_again(customer, return_url=BACK)
    [session] = await shop.sessions(customer)
    assert (session.url, session.mode, session.success_url, session.cancel_url) == (url, "subscription", BACK, BACK)
    assert "created_by" not in session.to_dict()["metadata"]
    await shop.tool(f"sessions/{session.id}/complete")
    [sold] = (await shop.client.v1.subscriptions.list_async({"customer": customer})).data
    assert sold.to_dict()["metadata"] == MARK


async def test_an_open_checkout_is_used_again_and_no_other_one(shop: Shop) -> None:
    customer = await shop.customer()
    first = await shop.calls().checkout_again(customer, return_url=BACK)
    assert await shop.calls().checkout_again(customer, return_url=BACK) == first
    other = await shop.calls(price="price_other").checkout_again(customer, return_url=BACK)
    assert other not in (None, first)
    for session in await shop.sessions(customer):
        await shop.client.v1.checkout.sessions.expire_async(session.id)
    assert await shop.calls().checkout_again(customer, return_url=BACK) not in (None, first, other)


async def test_where_nothing_is_sold_there_is_no_checkout(shop: Shop) -> None:
    customer = await shop.customer()
    assert await shop.calls(price=None).checkout_again(customer, return_url=BACK) is None
    assert await shop.sessions(customer) == []


async def test_a_customer_without_stripe_has_nothing_to_manage(world: World, client: Client) -> None:
    world.add_key(world.key)
    world.add_customer()
    answer = await client.post("/v1/stripe/portal", headers=world.headers)
    assert (answer.status, await error_of(answer)) == (409, "no_stripe_customer")
    answer = await client.post("/v1/stripe/portal", headers=world.admin())
    assert (answer.status, await error_of(answer)) == (403, "customer_key_required")


@pytest.mark.parametrize(
    ("reason", "blocked", "sold"),
    [("NoSubscription", False, True), ("NoSubscription", True, False), ("InvoicePastDue", False, False)],
)
async def test_only_who_has_no_subscription_and_is_not_blocked_is_sold_one(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, reason: str, blocked: bool, sold: bool
) -> None:
    asked: list[tuple[str, str, str]] = []

    async def url(calls: PortalCalls, customer: str, *, return_url: str) -> str:
        asked.append(("portal", customer, return_url))
        return "https://stripe.example/portal"

    async def again(calls: PortalCalls, customer: str, *, return_url: str) -> str:
        asked.append(("again", customer, return_url))
        return "https://stripe.example/again"

    monkeypatch.setattr(PortalCalls, "url", url)
    monkeypatch.setattr(PortalCalls, "checkout_again", again)
    world.add_key(world.key)
    spec: dict[str, Any] = {"email": "a@example.com", "stripeCustomerId": "cus_1", "blocked": blocked}
    world.add("customers", "c", spec, {"paymentMethod": "missing", "paymentReason": reason})
    answer = await client.post("/v1/stripe/portal", headers=world.headers)
    assert answer.status == 200
    more = {"subscribeUrl": "https://stripe.example/again"} if sold else {}
    assert await answer.json() == {"url": "https://stripe.example/portal"} | more
    back = "http://localhost:8080/checkout/returned"
    assert asked == [("portal", "cus_1", back), *([("again", "cus_1", back)] if sold else [])]


def test_the_page_to_come_back_to_is_a_setting() -> None:
    assert Settings(portal_return_url="https://app.example/billing").portal_return == "https://app.example/billing"
