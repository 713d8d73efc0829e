"""Checkout in subscription mode at the Stripe stand-in, and what becomes of the subscription, by the real library."""

import typing
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from aiohttp import ClientSession

from batteries_sandbox.stripe import StripeSettings, serve

PRICE = "price_team"
SUBSCRIBE: dict[str, Any] = {
    "mode": "subscription",
    "line_items": [{"price": PRICE, "quantity": 2}],
    "success_url": "https://merchant.example/",
}
CARD = {"email": "ada@example.com", "cardExpiry": "12/34", "cardCvc": "123"}


class World:
    """The stand-in as the library and as a person's browser see it."""

    def __init__(self, url: str, client: stripe.StripeClient, http: ClientSession) -> None:
        self.url, self.client, self.http = url, client, http

    async def session(self, **params: Any) -> stripe.checkout.Session:
        wanted = {name: value for name, value in {**SUBSCRIBE, **params}.items() if value is not None}
        return await self.client.v1.checkout.sessions.create_async(wanted)  # type: ignore[arg-type]

    async def again(self, session: stripe.checkout.Session) -> stripe.checkout.Session:
        return await self.client.v1.checkout.sessions.retrieve_async(
            session.id, {"expand": ["customer", "subscription.latest_invoice", "invoice"]}
        )

    async def pay(self, session: stripe.checkout.Session, number: str = "4242424242424242") -> int:
        async with self.http.post(
            str(session.url), data={**CARD, "cardNumber": number}, allow_redirects=False
        ) as answer:
            return answer.status

    async def subscribed(self) -> stripe.Subscription:
        session = await self.session()
        assert await self.pay(session) == 303
        return typing.cast("stripe.Subscription", (await self.again(session)).subscription)

    async def move(self, subscription_id: str, status: str) -> int:
        url = f"{self.url}/_standin/subscriptions/{subscription_id}/status"
        async with self.http.post(url, data={"status": status}) as answer:
            return answer.status

    async def events(self) -> list[str]:
        """Their types, oldest first."""
        events = await self.client.v1.events.list_async({"limit": 100})
        return [event.type for event in reversed(events.data)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    library = stripe.AIOHTTPClient()
    async with serve(StripeSettings(price_ids=(PRICE,))) as url, ClientSession() as http:
        yield World(
            url,
            stripe.StripeClient(
                "sk_test_sandbox", http_client=library, base_addresses={"api": url}, max_network_retries=0
            ),
            http,
        )
        await library.close_async()  # type: ignore[no-untyped-call]


async def test_a_session_costs_what_its_price_says_and_is_unpaid_at_first(world: World) -> None:
    session = await world.session()
    assert (session.mode, session.status, session.payment_status) == ("subscription", "open", "unpaid")
    assert (session.amount_total, session.currency) == (5800, "usd")
    assert (session.setup_intent, session.subscription, session.customer) == (None, None, None)


async def test_a_paid_session_has_a_customer_a_card_and_an_active_subscription(world: World) -> None:
    session = await world.session(subscription_data={"metadata": {"made": "here"}})
    assert await world.pay(session) == 303
    session = await world.again(session)
    customer = typing.cast("stripe.Customer", session.customer)
    subscription = typing.cast("stripe.Subscription", session.subscription)
    invoice = typing.cast("stripe.Invoice", session.invoice)
    assert (session.status, session.payment_status) == ("complete", "paid")
    assert (subscription.status, subscription.customer) == ("active", customer.id)
    assert subscription.metadata["made"] == "here"
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 5800, 0)
    cards = await world.client.v1.customers.payment_methods.list_async(customer.id)
    assert [card.id for card in cards.data] == [subscription.default_payment_method]
    events = await world.events()
    assert {"checkout.session.completed", "customer.subscription.created", "invoice.paid"} <= set(events)


async def test_objects_have_the_fields_of_the_librarys_classes(world: World) -> None:
    subscription = await world.subscribed()
    price = await world.client.v1.prices.retrieve_async(PRICE)
    for shown, declared in (
        (subscription, stripe.Subscription),
        (subscription.latest_invoice, stripe.Invoice),
        (price, stripe.Price),
    ):
        fields = {name for name in declared.__annotations__ if not name.startswith("_")} - {"OBJECT_NAME"}
        never_null = {name for name in fields if type(None) not in typing.get_args(declared.__annotations__[name])}
        given = dict(typing.cast("Any", shown).to_dict())
        assert set(given) <= fields
        assert {name for name, value in given.items() if value is not None} >= never_null


async def test_a_declined_card_leaves_the_session_open_and_nothing_behind(world: World) -> None:
    session = await world.session()
    assert await world.pay(session, "4000000000000002") == 402
    assert (await world.again(session)).status == "open"
    assert (await world.client.v1.subscriptions.list_async({"status": "all"})).data == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "resource_missing", "line_items[0][price]"),
        ({"line_items": [{"price": PRICE}]}, None, "line_items[0][quantity]"),
        ({"line_items": [{"price": PRICE, "quantity": 0}]}, None, "line_items[0][quantity]"),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price]"),
        ({"customer_creation": "always"}, None, "customer_creation"),
        ({"setup_intent_data": {"description": "x"}}, None, "setup_intent_data"),
        ({"payment_method_collection": "if_required"}, "standin_not_implemented", "payment_method_collection"),
        ({"subscription_data": {"trial_period_days": 7}}, "standin_not_implemented", None),
        ({"subscription_data": {"metadata": {"x" * 41: "v"}}}, None, "subscription_data[metadata]"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
async def test_refused(world: World, params: dict[str, Any], code: str | None, param: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.session(**params)
    assert refused.value.code == code
    assert param in (None, refused.value.param)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("past_due", "invoice.payment_failed"),
        ("unpaid", "invoice.payment_failed"),
        ("canceled", "customer.subscription.deleted"),
    ],
)
async def test_a_renewal_that_fails_is_told_of(world: World, status: str, event: str) -> None:
    subscription = await world.subscribed()
    assert await world.move(subscription.id, status) == 200
    assert (await world.client.v1.subscriptions.retrieve_async(subscription.id)).status == status
    assert event in await world.events()


async def test_a_late_payment_makes_it_active_again_and_an_end_is_for_good(world: World) -> None:
    subscription = await world.subscribed()
    await world.move(subscription.id, "past_due")
    await world.move(subscription.id, "active")
    assert (await world.events())[-2:] == ["invoice.paid", "customer.subscription.updated"]
    await world.client.v1.subscriptions.cancel_async(subscription.id)
    assert await world.move(subscription.id, "active") == 409
    with pytest.raises(stripe.InvalidRequestError):
        await world.client.v1.subscriptions.cancel_async(subscription.id)


async def test_lists_leave_out_what_was_canceled_unless_asked(world: World) -> None:
    subscription = await world.subscribed()
    customer = str(subscription.customer)
    listing = world.client.v1.subscriptions.list_async
    assert [one.id for one in (await listing({"customer": customer})).data] == [subscription.id]
    await world.client.v1.customers.delete_async(customer)
    assert (await listing({"customer": customer})).data == []
    assert [one.status for one in (await listing({"customer": customer, "status": "ended"})).data] == ["canceled"]
    with pytest.raises(stripe.InvalidRequestError):
        await listing({"customer": "cus_nobody"})


async def test_a_session_that_expires_sells_nothing(world: World) -> None:
    session = await world.session()
    await world.client.v1.checkout.sessions.expire_async(session.id)
    assert await world.pay(session) in (404, 410) if session.url else True
    assert (await world.client.v1.subscriptions.list_async({"status": "all"})).data == []
