"""What an event changes: Stripe is asked about whoever it names, and what it says is written."""

import time
from typing import Any

import orjson
import pytest
import stripe
from fakes.api_world import WEBHOOK_SECRET, Client, World

from batteries_apiserver.billing.customers import name_of
from batteries_apiserver.billing.events import CHARGE_DISPUTED, CHECKOUT_COMPLETED, CUSTOMER_CHANGED
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.sessions import CompletedSession
from batteries_apiserver.billing.standing import Standing
from batteries_crds.base import utc_now
from batteries_crds.customer import PaymentMethod, PaymentProblem, PaymentReason

NAME = name_of("cus_1")


class Stripe:
    """What the gateway is made to say, and what it was asked."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.standing = Standing(PaymentReason.METHOD_ON_FILE, ("card",))
        self.session: CompletedSession | None = CompletedSession("cs_1", "cus_1", "ada@example.com", utc_now())
        self.customer_of_charge: str | None = "cus_1"

        async def standing(gateway: StripeGateway, customer_id: str) -> Standing:
            self.asked.append(f"standing {customer_id}")
            return self.standing

        async def session(gateway: StripeGateway, session_id: str) -> CompletedSession | None:
            self.asked.append(f"session {session_id}")
            return self.session

        async def charge(gateway: StripeGateway, charge_id: str) -> str | None:
            self.asked.append(f"charge {charge_id}")
            return self.customer_of_charge

        patched.setattr(StripeGateway, "standing", standing)
        patched.setattr(StripeGateway, "completed_session", session)
        patched.setattr(StripeGateway, "customer_of_charge", charge)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Stripe:
    return Stripe(monkeypatch)


async def send(client: Client, kind: str, **about: Any) -> None:
    event = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": about}}
    body = orjson.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET, int(time.time()))
    response = await client.post("/v1/stripe/callback", data=body, headers={"Stripe-Signature": header})
    assert (response.status, await response.json()) == (200, {"received": True})


def add(world: World) -> None:
    spec = {"email": "ada@example.com", "stripeCustomerId": "cus_1"}
    world.add("customers", NAME, spec, {"paymentMethod": "missing"})


@pytest.mark.parametrize("kind", sorted(CHECKOUT_COMPLETED))
async def test_a_completed_checkout_makes_the_customer_and_asks_to_confirm_the_address(
    client: Client, world: World, said: Stripe, kind: str
) -> None:
    await send(client, kind, id="cs_1", object="checkout.session")
    made = world.items("customers")[NAME]
    assert (made.spec.email, made.spec.stripe_customer_id) == ("ada@example.com", "cus_1")
    assert made.status.payment_method is PaymentMethod.VALID
    assert [one.spec.kind for one in world.items("notifications").values()] == ["ConfirmEmail"]
    assert said.asked == ["session cs_1", "standing cus_1"]
    await send(client, kind, id="cs_1", object="checkout.session")
    assert len(world.items("notifications")) == 1, "an event that comes twice asks once"


async def test_a_checkout_that_is_not_ours_or_not_complete_makes_nobody(
    client: Client, world: World, said: Stripe
) -> None:
    said.session = None
    await send(client, "checkout.session.completed", id="cs_1", object="checkout.session")
    assert world.items("customers") == {}
    assert said.asked == ["session cs_1"]


async def test_a_checkout_without_an_id_is_acknowledged(client: Client, world: World, said: Stripe) -> None:
    await send(client, "checkout.session.completed", object="checkout.session", customer="cus_1")
    assert said.asked == []


@pytest.mark.parametrize("kind", sorted(CUSTOMER_CHANGED))
async def test_a_change_of_a_known_customer_is_written(client: Client, world: World, said: Stripe, kind: str) -> None:
    add(world)
    await send(client, kind, id="in_1", object="invoice", customer="cus_1")
    assert world.items("customers")[NAME].status.payment_method is PaymentMethod.VALID
    assert said.asked == ["standing cus_1"]


async def test_a_change_of_a_customer_who_never_signed_up_here_makes_nobody(
    client: Client, world: World, said: Stripe
) -> None:
    await send(client, "invoice.paid", id="in_1", object="invoice", customer="cus_1")
    assert world.items("customers") == {}


@pytest.mark.parametrize("kind", sorted(CHARGE_DISPUTED))
async def test_a_dispute_is_shown_of_the_customer_of_its_charge(
    client: Client, world: World, said: Stripe, kind: str
) -> None:
    add(world)
    said.standing = Standing(PaymentReason.SUBSCRIPTION_PAID, problems=(PaymentProblem.DISPUTED,))
    await send(client, kind, id="dp_1", object="dispute", charge="ch_1")
    assert world.items("customers")[NAME].status.payment_problems == [PaymentProblem.DISPUTED]
    assert said.asked == ["charge ch_1", "standing cus_1"]


async def test_a_dispute_of_nobodys_charge_is_acknowledged(client: Client, world: World, said: Stripe) -> None:
    add(world)
    said.customer_of_charge = None
    await send(client, "charge.dispute.created", id="dp_1", object="dispute", charge="ch_1")
    await send(client, "charge.dispute.created", id="dp_1", object="dispute")
    assert said.asked == ["charge ch_1"]


async def test_without_its_secret_nothing_can_be_taken(world: World, aiohttp_client: Any) -> None:
    client = await aiohttp_client(world.app(stripe_webhook_secret=None))
    response = await client.post("/v1/stripe/callback", data=b"{}")
    assert (response.status, (await response.json())["code"]) == (503, "billing_not_configured")
