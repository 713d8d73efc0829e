"""The customer portal of the Stripe stand-in: sessions by the real library, the page as a person's browser uses it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from aiohttp import ClientSession

from batteries_sandbox.stripe import StripeSettings, serve

PRICE = "price_team"
CARD = {"cardNumber": "5555555555554444", "cardExpiry": "12/34", "cardCvc": "123"}
MONTH = 30 * 24 * 3600


class World:
    """The stand-in, with a customer who has a card and, if asked for, a subscription."""

    def __init__(self, url: str, client: stripe.StripeClient, http: ClientSession) -> None:
        self.url, self.client, self.http = url, client, http
        self.customer, self.portal = "", ""

    async def sign_up(self, *, subscribe: bool) -> None:
        mode: dict[str, Any] = (
            {"mode": "subscription", "line_items": [{"price": PRICE, "quantity": 1}]}
            if subscribe
            else {"mode": "setup", "currency": "usd", "customer_creation": "always"}
        )
        session = await self.client.v1.checkout.sessions.create_async({**mode, "success_url": "https://m.example/"})  # type: ignore[arg-type]
        await self.tool(f"sessions/{session.id}/complete")
        session = await self.client.v1.checkout.sessions.retrieve_async(session.id)
        self.customer = str(session.customer)

    async def open(self, **params: Any) -> stripe.billing_portal.Session:
        session = await self.client.v1.billing_portal.sessions.create_async({"customer": self.customer, **params})  # type: ignore[arg-type]
        self.portal = session.url
        return session

    async def see(self) -> tuple[int, str]:
        async with self.http.get(self.portal) as answer:
            return answer.status, await answer.text()

    async def do(self, action: str, **fields: str) -> int:
        async with self.http.post(self.portal, data={"action": action, **fields}, allow_redirects=False) as answer:
            return answer.status

    async def tool(self, path: str, **fields: str) -> int:
        async with self.http.post(f"{self.url}/_standin/{path}", data=fields) as answer:
            return answer.status

    async def subscription(self) -> stripe.Subscription:
        found = await self.client.v1.subscriptions.list_async({"customer": self.customer, "status": "all"})
        return found.data[0]

    async def cards(self) -> list[stripe.PaymentMethod]:
        return (await self.client.v1.customers.payment_methods.list_async(self.customer)).data

    async def news(self, after: int) -> list[stripe.Event]:
        """The events, oldest first, without the first so many."""
        return list(reversed((await self.client.v1.events.list_async({"limit": 100})).data))[after:]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    library = stripe.AIOHTTPClient()
    async with serve(StripeSettings(price_ids=(PRICE,))) as url, ClientSession() as http:
        client = stripe.StripeClient(
            "sk_test_sandbox", http_client=library, base_addresses={"api": url}, max_network_retries=0
        )
        yield World(url, client, http)
        await library.close_async()  # type: ignore[no-untyped-call]


async def test_a_session_leads_to_a_page_that_leads_back(world: World) -> None:
    await world.sign_up(subscribe=True)
    session = await world.open(return_url="https://merchant.example/back")
    assert (session.object, session.customer, session.livemode) == ("billing_portal.session", world.customer, False)
    status, page = await world.see()
    assert status == 200
    assert 'href="https://merchant.example/back"' in page
    assert "Cancel subscription" in page


@pytest.mark.parametrize(
    ("params", "says"),
    [
        pytest.param({"customer": "cus_nobody"}, "No such customer", id="unknown customer"),
        pytest.param({"return_url": "merchant.example"}, "explicit scheme", id="no URL"),
        pytest.param({"configuration": "bpc_nothing"}, "No such configuration", id="unknown configuration"),
        pytest.param({"flow_data": {"type": "payment_method_update"}}, "does not implement", id="flow"),
        pytest.param({"mode": "setup"}, "unknown parameter", id="unknown parameter"),
        pytest.param({"locale": "xx"}, "must be one of", id="unknown locale"),
    ],
)
async def test_what_stripe_refuses_is_refused(world: World, params: dict[str, Any], says: str) -> None:
    await world.sign_up(subscribe=False)
    with pytest.raises(stripe.InvalidRequestError, match=says):
        await world.open(**params)


async def test_a_session_needs_a_customer_that_exists(world: World) -> None:
    await world.sign_up(subscribe=False)
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: customer"):
        await world.client.v1.billing_portal.sessions.create_async({})
    await world.client.v1.customers.delete_async(world.customer)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await world.open()


async def test_without_a_saved_portal_sessions_need_a_configuration(world: World) -> None:
    await world.sign_up(subscribe=True)
    assert await world.tool("portal", cancel="none") == 200
    with pytest.raises(stripe.InvalidRequestError, match="default configuration has not been created") as refused:
        await world.open()
    assert (refused.value.code, refused.value.param, refused.value.http_status) == (None, None, 400)
    made = await world.client.v1.billing_portal.configurations.create_async(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    )
    assert not made.is_default
    assert (await world.open(configuration=made.id)).configuration == made.id
    assert await world.do("add_card", **CARD) == 403
    assert await world.do("cancel", subscription=(await world.subscription()).id) == 303
    assert (await world.subscription()).status == "canceled"


async def test_configurations_are_listed_by_default(world: World) -> None:
    portal = world.client.v1.billing_portal.configurations
    [default] = (await portal.list_async({"is_default": True, "active": True})).data
    assert default.features.subscription_cancel.mode == "at_period_end"
    assert (await portal.retrieve_async(default.id)).id == default.id
    await world.tool("portal", cancel="off")
    [newer] = (await portal.list_async({"is_default": True})).data
    assert (newer.id != default.id, newer.features.subscription_cancel.enabled) == (True, False)
    assert await world.tool("portal", cancel="tomorrow") == 400


async def test_a_flexible_subscription_is_cancelled_by_its_date_and_not_by_the_flag(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.open()
    before = len(await world.news(0))
    subscription = await world.subscription()
    assert await world.do("cancel", subscription=subscription.id) == 303
    [event] = await world.news(before)
    assert event.type == "customer.subscription.updated"
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["cancel_at"] is None
    cancelled = await world.subscription()
    assert (cancelled.status, cancelled.cancel_at_period_end) == ("active", False)
    assert cancelled.cancel_at == cancelled["items"]["data"][0]["current_period_end"]
    assert await world.do("cancel", subscription=subscription.id) == 409


async def test_a_cancelled_subscription_ends_with_its_period(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.open()
    subscription = await world.subscription()
    await world.do("cancel", subscription=subscription.id)
    before = len(await world.news(0))
    await world.tool("clock/advance", seconds=str(MONTH - 60))
    assert (await world.subscription()).status == "active"
    await world.tool("clock/advance", seconds="60")
    ended = await world.subscription()
    assert (ended.status, ended.ended_at) == ("canceled", ended.cancel_at)
    assert [event.type for event in await world.news(before)] == ["customer.subscription.deleted"]
    await world.open()
    assert await world.do("renew", subscription=subscription.id) == 404


async def test_a_later_period_ends_later(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.tool("clock/advance", seconds=str(MONTH + 60))
    await world.open()
    subscription = await world.subscription()
    await world.do("cancel", subscription=subscription.id)
    assert (await world.subscription()).cancel_at == subscription["items"]["data"][0]["current_period_end"] + MONTH


async def test_a_cancellation_is_taken_back_while_the_period_lasts(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.open()
    subscription = await world.subscription()
    assert await world.do("renew", subscription=subscription.id) == 409
    await world.do("cancel", subscription=subscription.id)
    assert "Don’t cancel" in (await world.see())[1]
    assert await world.do("renew", subscription=subscription.id) == 303
    assert (await world.subscription()).cancel_at is None
    await world.tool("clock/advance", seconds=str(MONTH))
    assert (await world.subscription()).status == "active"


async def test_where_cancelling_is_off_it_is_refused(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.tool("portal", cancel="off")
    await world.open()
    assert "Cancel subscription" not in (await world.see())[1]
    assert await world.do("cancel", subscription=(await world.subscription()).id) == 403


async def test_nobody_cancels_anothers_subscription_or_removes_anothers_card(world: World) -> None:
    await world.sign_up(subscribe=True)
    subscription, [card] = await world.subscription(), await world.cards()
    await world.sign_up(subscribe=True)
    await world.open()
    assert await world.do("cancel", subscription=subscription.id) == 404
    assert await world.do("remove_card", payment_method=card.id) == 404
    assert await world.do("explode") == 400


async def test_a_new_card_pays_from_now_on_and_the_old_one_can_go(world: World) -> None:
    await world.sign_up(subscribe=True)
    await world.open()
    [old] = await world.cards()
    assert await world.do("remove_card", payment_method=old.id) == 409
    before = len(await world.news(0))
    assert await world.do("add_card", **CARD) == 303
    assert [event.type for event in await world.news(before)] == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "customer.updated",
        "customer.subscription.updated",
    ]
    new = (await world.subscription()).default_payment_method
    assert await world.do("remove_card", payment_method=str(new)) == 409
    assert await world.do("remove_card", payment_method=old.id) == 303
    assert [card.id for card in await world.cards()] == [new]


async def test_a_declined_card_changes_nothing(world: World) -> None:
    await world.sign_up(subscribe=False)
    await world.open()
    assert await world.do("add_card", **CARD | {"cardNumber": "4000000000000002"}) == 402
    assert len(await world.cards()) == 1


async def test_without_a_subscription_the_last_card_can_go(world: World) -> None:
    await world.sign_up(subscribe=False)
    await world.open()
    [card] = await world.cards()
    before = len(await world.news(0))
    assert await world.do("remove_card", payment_method=card.id) == 303
    [event] = await world.news(before)
    assert event.type == "payment_method.detached"
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["customer"] == world.customer
    assert await world.cards() == []


async def test_a_url_works_for_five_minutes_and_an_hour_after_each_visit(world: World) -> None:
    await world.sign_up(subscribe=False)
    await world.open()
    await world.tool("clock/advance", seconds="299")
    assert (await world.see())[0] == 200
    await world.tool("clock/advance", seconds="3599")
    assert (await world.see())[0] == 200
    await world.tool("clock/advance", seconds="3600")
    assert (await world.see())[0] == 410
    assert await world.do("add_card", **CARD) == 410
    await world.open()
    await world.tool("clock/advance", seconds="300")
    assert (await world.see())[0] == 410
