"""What is believed of a customer's payment: what Stripe says of the customer, and not what a wrong key looks like."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import stripe
import structlog
from fakes.cluster import Cluster, FakeResources
from kubernetes.aio.client import ApiClient

from batteries_apiserver.billing.customers import Customers, name_of
from batteries_apiserver.billing.standing import Standing, standing_of
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.settings import Settings
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer, PaymentMethod, PaymentReason
from batteries_sandbox.stripe import StripeSettings, serve

untyped: Any = stripe
"""The errors' constructors carry no types."""
KEY = "sk_test_sandbox"
VALID, MISSING = PaymentMethod.VALID, PaymentMethod.MISSING


def client_of(url: str, http: aiohttp.ClientSession) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, http_client=stripe.AIOHTTPClient(session=http), base_addresses={"api": url})


async def asked(client: stripe.StripeClient, customer: str, *, subscribes: bool = False) -> PaymentReason:
    found = await standing_of(client, customer, subscribes=subscribes, livemode=False, installation="x")
    return found.reason


async def test_deleted_is_a_fact_and_not_found_is_none() -> None:
    async with (
        serve(StripeSettings(secret_key=KEY)) as ours,
        serve(StripeSettings(secret_key=KEY)) as others,
        aiohttp.ClientSession() as http,
    ):
        client, stranger = client_of(ours, http), client_of(others, http)
        made = await client.v1.customers.create_async({"email": "a@example.com"})
        assert await asked(client, made.id) is PaymentReason.NO_METHOD
        assert await asked(stranger, made.id) is PaymentReason.NOT_FOUND
        await client.v1.customers.delete_async(made.id)
        assert await asked(client, made.id) is PaymentReason.DELETED
    assert Standing(PaymentReason.NOT_FOUND).can_pay is None
    assert Standing(PaymentReason.DELETED).can_pay is False


class _Stripe:
    """Answers with these payment methods and subscriptions, of any kind that Stripe has."""

    def __init__(self, methods: list[str], statuses: list[str] | list[dict[str, Any]]) -> None:
        made = [
            SimpleNamespace(type=each, livemode=False, to_dict=lambda each=each: {"type": each, each: {}})
            for each in methods
        ]
        # A status may come with more of the subscription.
        given = [each if isinstance(each, dict) else {"status": each} for each in statuses]
        sold = [
            SimpleNamespace(status=each["status"], livemode=False, metadata={}, to_dict=lambda each=each: each)
            for each in given
        ]
        self.asked: dict[str, Any] = {}

        async def methods_of(customer_id: str, params: dict[str, Any]) -> Any:
            return SimpleNamespace(data=[one for one in made if params.get("type") in (None, one.type)])

        async def subscriptions_of(params: dict[str, Any]) -> Any:
            return SimpleNamespace(data=sold)

        lists = SimpleNamespace(list_async=methods_of)
        customers = SimpleNamespace(payment_methods=lists)
        self.v1 = SimpleNamespace(
            customers=customers,
            subscriptions=SimpleNamespace(list_async=subscriptions_of),
            charges=SimpleNamespace(list_async=self.charges_of),
        )

    async def charges_of(self, params: dict[str, Any]) -> Any:
        return SimpleNamespace(data=[])


class _WithoutCharges(_Stripe):
    """As with a restricted key of before."""

    async def charges_of(self, params: dict[str, Any]) -> Any:
        raise stripe.PermissionError("The key may not read charges.", http_status=403)


async def test_a_key_that_may_not_read_charges_knows_of_no_problems_and_of_all_else() -> None:
    made: Any = _WithoutCharges(["card"], ["active"])
    found = await standing_of(made, "cus_1", subscribes=True, livemode=False, installation="x")
    assert (found.can_pay, found.problems) == (True, ())


def _in(*ends: int) -> dict[str, Any]:
    return {"items": {"data": [{"current_period_end": one} for one in ends]}}


@pytest.mark.parametrize(
    ("subscriptions", "ends"),
    [
        pytest.param([{"status": "active", "cancel_at": 200}], 200, id="by date, as in flexible billing"),
        pytest.param([{"status": "active", "cancel_at_period_end": True, **_in(100, 300)}], 300, id="by flag alone"),
        pytest.param([{"status": "active", "cancel_at": 200, "cancel_at_period_end": True}], 200, id="both"),
        pytest.param([{"status": "active", "cancel_at": None, "cancel_at_period_end": False}], None, id="not at all"),
        pytest.param([{"status": "active", "cancel_at_period_end": True, **_in()}], None, id="nobody knows when"),
        pytest.param([{"status": "active", "cancel_at": 1}, {"status": "active"}], None, id="another goes on"),
        pytest.param([{"status": "active", "cancel_at": 1}, {"status": "active", "cancel_at": 2}], 2, id="last of two"),
        pytest.param([{"status": "active", "cancel_at": 1}, {"status": "past_due"}], 1, id="another is not paid"),
        pytest.param([{"status": "trialing", "cancel_at": 7}], 7, id="trial"),
        pytest.param([{"status": "past_due", "cancel_at": 7}], None, id="not paid"),
    ],
)
async def test_a_cancelled_subscription_tells_until_when_it_is_paid(
    subscriptions: list[dict[str, Any]], ends: int | None
) -> None:
    made: Any = _Stripe(["card"], subscriptions)
    found = await standing_of(made, "cus_1", subscribes=True, livemode=False, installation="x")
    assert found.ends_at == (None if ends is None else datetime.fromtimestamp(ends, UTC))


@pytest.mark.parametrize("kind", ["card", "link", "sepa_debit", "us_bank_account", "paypal", "bacs_debit"])
async def test_without_a_price_a_payment_method_of_any_type_will_do(kind: str) -> None:
    made: Any = _Stripe([kind], [])
    assert await asked(made, "cus_1") is PaymentReason.METHOD_ON_FILE


@pytest.mark.parametrize(
    ("methods", "statuses", "reason", "can_pay"),
    [
        ([], ["active"], PaymentReason.SUBSCRIPTION_PAID, True),
        (["link"], ["active"], PaymentReason.SUBSCRIPTION_PAID, True),
        (["sepa_debit"], ["past_due", "active"], PaymentReason.SUBSCRIPTION_PAID, True),
        (["card"], ["trialing"], PaymentReason.SUBSCRIPTION_TRIAL, True),
        ([], ["trialing"], PaymentReason.NO_METHOD, False),
        (["card"], ["past_due"], PaymentReason.INVOICE_PAST_DUE, False),
        (["card"], ["unpaid"], PaymentReason.INVOICE_UNPAID, False),
        (["card"], ["incomplete"], PaymentReason.FIRST_INVOICE_UNPAID, False),
        (["card"], ["paused"], PaymentReason.SUBSCRIPTION_PAUSED, False),
        (["card"], ["incomplete_expired"], PaymentReason.NO_SUBSCRIPTION, False),
        (["card"], [], PaymentReason.NO_SUBSCRIPTION, False),
    ],
)
async def test_with_a_price_the_subscription_tells_and_the_reason_says_which(
    methods: list[str], statuses: list[str], reason: PaymentReason, can_pay: bool
) -> None:
    made: Any = _Stripe(methods, statuses)
    assert await asked(made, "cus_1", subscribes=True) is reason
    assert Standing(reason).can_pay is can_pay


# --- many at once


class Gateway:
    """Says the same of everybody."""

    def __init__(self, reason: PaymentReason) -> None:
        self.reason = reason

    async def standing(self, customer_id: str) -> Standing:
        return Standing(self.reason)


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    stored: Any = FakeResources(Cluster(), Customer)
    async with ApiClient() as api:
        yield replace(kube_of(api, Settings(namespace="n")), customers=stored)


async def add(kube: Kube, count: int, since: timedelta = timedelta(days=30)) -> None:
    for number in range(count):
        name, spec = name_of(f"cus_{number}"), {"email": "a@example.com", "stripeCustomerId": f"cus_{number}"}
        await kube.customers.create("n", {"metadata": {"name": name}, "spec": spec})
        status = {"paymentMethod": "valid", "paymentMethodSince": to_rfc3339(utc_now() - since)}
        kube.caches.customers.put(await kube.customers.merge_status("n", name, {"status": status}))


async def settle_all(kube: Kube, reason: PaymentReason, count: int) -> list[Customer]:
    gateway: Any = Gateway(reason)
    for number in range(count):
        await Customers(kube, gateway).settle(f"cus_{number}", email=None)
    return [customer async for customer in kube.customers.all("n")]


async def test_a_key_of_another_account_changes_nobodys_payment_and_is_told(kube: Kube) -> None:
    await add(kube, 5)
    with structlog.testing.capture_logs() as lines:
        after = await settle_all(kube, PaymentReason.NOT_FOUND, 5)
    assert {one.status.payment_method for one in after} == {VALID}
    assert {one.status.payment_reason for one in after} == {PaymentReason.NOT_FOUND}
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [line["event"] for line in errors] == ["customer_not_found_at_stripe"] * 5
    assert "STRIPE_SECRET_KEY" in errors[0]["to_do"]


REASONS = [
    PaymentReason.NO_SUBSCRIPTION,
    PaymentReason.NO_METHOD,
    PaymentReason.DELETED,
    PaymentReason.INVOICE_PAST_DUE,
]


@pytest.mark.parametrize("reason", REASONS)
async def test_many_that_turn_at_once_are_held_back_whatever_the_reason(kube: Kube, reason: PaymentReason) -> None:
    await add(kube, 40)
    after = await settle_all(kube, reason, 40)
    lost = [one for one in after if one.status.payment_method is MISSING]
    held = [one for one in after if one.status.payment_reason is PaymentReason.HELD_BACK]
    assert len(lost) == Breaker().customers, "the first few can't be told from many"
    assert len(held) == 30
    assert {one.status.payment_method for one in held} == {VALID}


async def test_it_holds_across_restarts_for_it_is_told_from_the_objects(kube: Kube) -> None:
    await add(kube, 40)
    await settle_all(kube, PaymentReason.NO_METHOD, 20)
    async with ApiClient() as api:
        anew = replace(kube_of(api, Settings(namespace="n")), customers=kube.customers)
        async for customer in kube.customers.all("n"):
            anew.caches.customers.put(customer)
        after = await settle_all(anew, PaymentReason.NO_METHOD, 40)
    assert sum(one.status.payment_method is MISSING for one in after) == Breaker().customers


async def test_a_person_lets_it_happen_by_the_setting(kube: Kube) -> None:
    await add(kube, 40)
    await settle_all(kube, PaymentReason.NO_METHOD, 40)
    after = await settle_all(replace(kube, breaker=Breaker(percent=100)), PaymentReason.NO_METHOD, 40)
    assert {one.status.payment_method for one in after} == {MISSING}


async def test_what_was_mended_is_as_before(kube: Kube) -> None:
    await add(kube, 40)
    await settle_all(kube, PaymentReason.NO_METHOD, 40)
    after = await settle_all(kube, PaymentReason.METHOD_ON_FILE, 40)
    assert {(one.status.payment_method, one.status.payment_reason) for one in after} == {
        (VALID, PaymentReason.METHOD_ON_FILE)
    }


async def test_few_of_many_lose_theirs_as_ever(kube: Kube) -> None:
    await add(kube, 100)
    after = await settle_all(kube, PaymentReason.NO_METHOD, 15)
    assert sum(one.status.payment_method is MISSING for one in after) == 15


@pytest.mark.parametrize(
    ("together", "of", "stops"),
    [(10, 10, False), (11, 11, True), (11, 55, False), (12, 55, True), (200, 10_000, False)],
)
def test_more_than_some_and_more_than_a_share(together: int, of: int, stops: bool) -> None:
    assert Breaker().stops(together, of) is stops
    assert not Breaker(percent=100).stops(together, of)


class _Refusing(_Stripe):
    """Refuses one of the questions."""

    def __init__(self, question: str, error: stripe.StripeError) -> None:
        super().__init__(["card"], ["active"])

        async def refused(*_: Any) -> Any:
            raise error

        not_there = untyped.InvalidRequestError("No such customer", "customer", code="resource_missing")

        async def missing(*_: Any) -> Any:
            raise not_there

        if question == "customer":
            self.v1.customers.payment_methods = SimpleNamespace(list_async=missing)
            self.v1.customers.retrieve_async = refused
        elif question == "methods":
            self.v1.customers.payment_methods = SimpleNamespace(list_async=refused)
        else:
            self.v1.subscriptions = SimpleNamespace(list_async=refused)


@pytest.mark.parametrize("question", ["methods", "customer", "subscriptions"])
async def test_what_stripe_refuses_for_another_reason_says_nothing_of_the_customer(question: str) -> None:
    made: Any = _Refusing(question, untyped.InvalidRequestError("Bad", "limit", code="parameter_invalid"))
    with pytest.raises(Unavailable):
        await asked(made, "cus_1", subscribes=True)
