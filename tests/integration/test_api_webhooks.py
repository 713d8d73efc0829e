"""Stripe's webhooks as they really come, on a real kube-apiserver: late, twice, early, forged, or never."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
import stripe
import structlog

from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.reconcile import Reconciler
from batteries_apiserver.billing.sessions import NewSession
from batteries_apiserver.kube.clients import KUBE
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.kube.client import Resources

SECRET = "whsec_sandbox"
SUBSCRIPTION = {"stripe_price_id": "price_standin_monthly"}


async def signed_up(world: Any) -> tuple[str, str]:
    """A customer who fetched the key: the key, and the customer's id in Stripe."""
    session_id = await world.setup()
    stripe_customer = await world.complete(session_id)
    key = (await (await world.fetch(session_id)).json())["apiKey"]
    await world.until_all_delivered()
    return key, stripe_customer


async def subscription_of(world: Any, stripe_customer: str) -> str:
    listed = await world.stripe("GET", f"/v1/subscriptions?customer={stripe_customer}")
    return str(listed["data"][0]["id"])


async def post(world: Any, body: bytes, *, secret: str = SECRET, at: float | None = None) -> int:
    """A webhook as its sender would sign it."""
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(errors="replace"), secret, timestamp=int(at or time.time())
    )
    answer = await world.client.post("/v1/stripe/callback", data=body, headers={"Stripe-Signature": header})
    return int(answer.status)


# --- subscriptions


async def test_with_a_price_a_sign_up_subscribes_and_may_ask_for_accounts(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    assert await world.ask_for_an_account(key) == 202
    subscription = await world.stripe("GET", f"/v1/subscriptions/{await subscription_of(world, stripe_customer)}")
    assert subscription["items"]["data"][0]["price"]["id"] == SUBSCRIPTION["stripe_price_id"]
    uid = await world.app[KUBE].installation.name()
    assert subscription["metadata"] == {"created_by": "ai-batteries-included", "installation": uid}


@pytest.mark.parametrize("status", ["past_due", "unpaid", "canceled"])
async def test_a_subscription_that_is_not_paid_means_402_until_it_is(open_world: Any, status: str) -> None:
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    subscription = await subscription_of(world, stripe_customer)
    await world.stripe("POST", f"/_standin/subscriptions/{subscription}/status", status=status)
    await world.until_payment_is(PaymentMethod.MISSING)
    await world.until(lambda: _answers(world, key, 402))
    if status != "canceled":
        await world.stripe("POST", f"/_standin/subscriptions/{subscription}/status", status="active")
        await world.until(lambda: _answers(world, key, 202))


async def test_a_subscription_ended_by_its_customer_means_402(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    await world.stripe("DELETE", f"/v1/subscriptions/{await subscription_of(world, stripe_customer)}")
    await world.until(lambda: _answers(world, key, 402))


async def test_a_paid_subscription_without_a_card_is_paid(open_world: Any) -> None:
    """By Link, SEPA debit or invoice: what is on file says nothing of what was paid."""
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    cards = (await world.stripe("GET", f"/v1/customers/{stripe_customer}/payment_methods"))["data"]
    await world.stripe("POST", f"/v1/payment_methods/{cards[0]['id']}/detach")
    await world.until_all_delivered()
    assert await world.payment_is(PaymentMethod.VALID)
    assert await world.ask_for_an_account(key) == 202


async def test_a_deleted_customer_of_a_subscription_means_402(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    await world.stripe("DELETE", f"/v1/customers/{stripe_customer}")
    await world.until(lambda: _answers(world, key, 402))


@pytest.mark.parametrize(
    ("form", "problems"),
    [
        ({"refunded": "2000"}, ["Refunded"]),
        ({"refunded": "500"}, ["PartlyRefunded"]),
        ({"disputed": "true"}, ["Disputed"]),
        ({"disputed": "true", "refunded": "2000"}, ["Disputed", "Refunded"]),
    ],
)
async def test_a_refund_and_a_dispute_are_seen_by_administrators_and_stop_nobody(
    open_world: Any, form: dict[str, str], problems: list[str]
) -> None:
    world = await open_world(**SUBSCRIPTION)
    key, stripe_customer = await signed_up(world)
    await world.stripe("POST", "/_standin/charges", customer=stripe_customer, **form)

    async def told() -> bool:
        [customer] = await world.customers()
        return (customer.status.payment_problems or []) == problems

    await world.until(told)
    assert await world.ask_for_an_account(key) == 202


# --- order, repetition, loss


async def test_every_event_again_and_in_reverse_changes_nothing(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    await signed_up(world)
    before = await world.known()
    events = (await world.stripe("GET", "/v1/events?limit=100"))["data"]  # newest first
    for event in [*events, *reversed(events)]:
        await world.stripe("POST", f"/_standin/events/{event['id']}/redeliver")
    await world.until_all_delivered()
    assert await world.known() == before


async def test_many_events_at_once_on_one_customer_end_in_what_is_so(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    _, stripe_customer = await signed_up(world)
    await world.stripe("POST", "/_standin/deliveries/pause")
    subscription = await subscription_of(world, stripe_customer)
    for status in ("past_due", "active", "unpaid", "active", "past_due"):
        await world.stripe("POST", f"/_standin/subscriptions/{subscription}/status", status=status)
    await world.stripe("POST", "/_standin/deliveries/resume")
    await world.until_all_delivered()
    assert await world.payment_is(PaymentMethod.MISSING)


async def test_an_event_that_overtakes_the_answer_to_the_sign_up_is_no_trouble(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = StripeGateway.new_session

    async def overtaken(self: StripeGateway, email: str, **urls: str) -> NewSession:
        session = await begin(self, email, **urls)
        await world.complete(session.session_id)
        await world.until_payment_is(PaymentMethod.VALID)  # the webhook came, and was acted on
        return session

    monkeypatch.setattr(StripeGateway, "new_session", overtaken)
    session_id = await world.setup()
    assert (await world.fetch(session_id)).status == 200
    assert len(await world.customers()) == 1


async def test_an_expired_session_is_acknowledged_and_stores_nothing(world: Any) -> None:
    session_id = await world.setup()
    await world.stripe("POST", f"/v1/checkout/sessions/{session_id}/expire")
    await world.until_all_delivered()
    assert await world.customers() == []
    assert (await world.fetch(session_id)).status == 404


async def test_an_event_about_nobody_of_ours_stores_nothing(world: Any) -> None:
    stranger = await world.stripe("POST", "/v1/customers", email="a@example.com")
    await world.stripe("DELETE", f"/v1/customers/{stranger['id']}")
    await world.until_all_delivered()
    assert await world.customers() == []


async def test_while_kubernetes_is_away_stripe_is_told_to_come_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = world.app[KUBE]
    find, broken = type(kube.customers).find, [True]

    async def away(self: Any, namespace: str, name: str) -> Any:
        if broken[0]:
            raise OSError("no route to host")
        return await find(self, namespace, name)

    monkeypatch.setattr(type(kube.customers), "find", away)
    await world.complete(await world.setup())

    async def tried_twice() -> bool:
        shown = (await world.stripe("GET", "/_standin/deliveries"))["deliveries"]
        return any(one["tries"] > 1 and one["last_status"] == 503 for one in shown)

    await world.until(tried_twice)
    broken[0] = False
    await world.until_payment_is(PaymentMethod.VALID)


# --- forgeries


async def signed_event(world: Any) -> bytes:
    """An event that would take a customer's card away, as Stripe would write it, not yet delivered."""
    _, stripe_customer = await signed_up(world)
    await world.stripe("POST", "/_standin/deliveries/pause")
    await world.stripe("DELETE", f"/v1/customers/{stripe_customer}")
    [event] = (await world.stripe("GET", "/v1/events?type=customer.deleted"))["data"]
    return orjson.dumps(event)


@pytest.mark.parametrize(
    ("secret", "age"),
    [("whsec_wrong", 0), (SECRET, 301), (SECRET, 86_400), (SECRET, -305), (SECRET, -10_000)],
    ids=["wrong secret", "old", "a day old", "of the future", "far in the future"],
)
async def test_a_forged_or_replayed_event_is_refused_and_not_acted_on(world: Any, secret: str, age: int) -> None:
    event = await signed_event(world)
    assert await post(world, event, secret=secret, at=time.time() - age) == 400
    assert await world.payment_is(PaymentMethod.VALID)
    assert await post(world, event) == 200
    assert await world.payment_is(PaymentMethod.MISSING)


async def test_two_timestamps_in_one_header_do_not_smuggle_an_old_event_in(world: Any) -> None:
    event = await signed_event(world)
    old, new = int(time.time()) - 9_999, int(time.time())
    signature = stripe.WebhookSignature.generate_signature_header(event.decode(), SECRET, timestamp=old)
    for header in (f"t={new},{signature}", f"{signature},t={new}"):
        answer = await world.client.post("/v1/stripe/callback", data=event, headers={"Stripe-Signature": header})
        assert answer.status == 400
    assert await world.payment_is(PaymentMethod.VALID)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"\xc3\x28", b"", b"null", b"[]", b"{}", b"{", b'{"object": "v2.core.event"}']
)
async def test_a_body_that_is_no_event_is_a_400_even_well_signed(world: Any, body: bytes) -> None:
    with structlog.testing.capture_logs() as lines:
        assert await post(world, body) == 400
    assert not [line for line in lines if line["log_level"] == "error"]


# --- the slow recheck


async def lose_webhooks_and_card(world: Any) -> None:
    _, stripe_customer = await signed_up(world)
    await world.stripe("POST", "/_standin/deliveries/pause")
    await world.stripe("DELETE", f"/v1/customers/{stripe_customer}")


async def test_what_no_webhook_told_is_found_out_by_asking_again(open_world: Any) -> None:
    world = await open_world(stripe_recheck_seconds=1.0)
    await lose_webhooks_and_card(world)
    await world.until_payment_is(PaymentMethod.MISSING)


def reconciler(world: Any, *, later: int, gateway: Any = None) -> Reconciler:
    kube = world.app[KUBE]
    return Reconciler(
        kube,
        Customers(kube, gateway or world.billing.stripe),
        seconds=3600,
        now=lambda: utc_now() + timedelta(seconds=later),
    )


async def test_only_customers_whose_knowledge_is_old_are_asked_for(world: Any) -> None:
    await signed_up(world)
    assert await reconciler(world, later=2_800).sweep() == 0
    assert await reconciler(world, later=4_400).sweep() == 1


async def test_an_unchanged_customer_is_noted_as_asked_for_so_that_no_replica_asks_again(world: Any) -> None:
    await signed_up(world)
    [customer] = await world.customers()
    long_ago = to_rfc3339(utc_now() - timedelta(days=1))
    live = Resources(world.api, Customer, "test")
    body = {"status": {"paymentMethodCheckedAt": long_ago}}
    world.app[KUBE].caches.customers.put(await live.merge_status(world.namespace, customer.metadata.name, body))
    assert await reconciler(world, later=0).sweep() == 1
    assert await reconciler(world, later=0).sweep() == 0
    [after] = await world.customers()
    assert after.status.payment_method is PaymentMethod.VALID
    assert utc_now() - after.status.payment_method_checked_at < timedelta(minutes=1)


async def test_customers_that_are_not_of_stripe_are_left_alone(world: Any) -> None:
    body = {"metadata": {"name": "platform"}, "spec": {"email": "a@example.com"}}
    await Resources(world.api, Customer, "test").create(world.namespace, body)
    await world.until(lambda: _cached(world, "platform"))
    assert await reconciler(world, later=99_999).sweep() == 0


async def test_while_stripe_is_away_nobody_loses_the_right_to_accounts(world: Any) -> None:
    key, _ = await signed_up(world)
    world.billing.stripe._client._requestor._options.base_addresses = {"api": "http://127.0.0.1:9"}
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(30):
            assert await reconciler(world, later=99_999).sweep() == 0
    assert [line for line in lines if line["event"] == "recheck_put_off"]
    assert await world.payment_is(PaymentMethod.VALID)
    assert await world.ask_for_an_account(key) == 202


async def _answers(world: Any, key: str, status: int) -> bool:
    return bool(await world.ask_for_an_account(key) == status)


async def _cached(world: Any, name: str) -> bool:
    return world.app[KUBE].caches.customers.get(name) is not None
