"""GET /v1/customer: what a customer is told about itself, and what follows when it stops paying."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of

from batteries_apiserver.customers.own import payment_of
from batteries_crds.customer import Customer
from batteries_crds.payment_dates import PaymentTerms, payment_dates

NOW = datetime(2026, 11, 8, tzinfo=UTC)
LOST = {
    "paymentMethod": "missing",
    "paymentReason": "NoSubscription",
    "paymentMethodSince": "2026-11-01T00:00:00Z",
    "paymentGraceSince": "2026-11-01T00:00:00Z",
}
CANCELLED = {"paymentMethod": "valid", "paymentReason": "SubscriptionPaid", "paymentEndsAt": "2026-12-01T00:00:00Z"}


def customer(stripe: str | None = "cus_1", **status: Any) -> Customer:
    spec = {"email": "a@example.com", **({} if stripe is None else {"stripeCustomerId": stripe})}
    return Customer.model_validate({"metadata": {"name": "c", "namespace": "n"}, "spec": spec, "status": status})


def told(one: Customer, grace: float | None = 7, close: float | None = None, now: datetime = NOW) -> dict[str, Any]:
    days = [None if each is None else timedelta(days=each) for each in (grace, close)]
    return dict(payment_of(one, payment_dates(one, PaymentTerms(*days)), now))


def test_who_can_pay_is_told_how_to_cancel() -> None:
    found = told(customer(paymentMethod="valid", paymentReason="PaymentMethodOnFile"), close=30)
    assert found == {
        "method": "valid",
        "reason": "PaymentMethodOnFile",
        "message": "You can request accounts. To change your card or to cancel: POST /v1/stripe/portal leads to the "
        "page where you change that.",
    }


def test_who_has_cancelled_is_told_until_when_it_is_paid_and_what_follows() -> None:
    found = told(customer(**CANCELLED), close=30)
    assert (found["method"], found["paidUntil"]) == ("valid", "2026-12-01T00:00:00Z")
    assert (found["suspendsAt"], found["closesAt"]) == ("2026-12-08T00:00:00Z", "2027-01-07T00:00:00Z")
    assert "you have paid until 2026-12-01T00:00:00Z" in found["message"]
    assert "Your accounts are suspended at 2026-12-08T00:00:00Z." in found["message"]
    assert "AWS closes them at 2027-01-07T00:00:00Z at the earliest." in found["message"]
    assert "To stay, take that back or pay: POST /v1/stripe/portal" in found["message"]


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (NOW - timedelta(seconds=1), "Your accounts are suspended at 2026-11-08T00:00:00Z. They are kept then;"),
        (NOW, "Your accounts are suspended since 2026-11-08T00:00:00Z. They are kept then;"),
    ],
)
def test_who_cannot_pay_is_told_when_accounts_are_suspended(now: datetime, says: str) -> None:
    found = told(customer(**LOST), now=now)
    assert (found["method"], found["since"], found["suspendsAt"]) == (
        "missing",
        "2026-11-01T00:00:00Z",
        "2026-11-08T00:00:00Z",
    )
    assert found.keys().isdisjoint({"closesAt", "paidUntil"})
    assert found["message"].startswith("There is no valid payment method, so you can't request accounts. ")
    assert says in found["message"]


def test_where_nobody_is_suspended_that_is_said() -> None:
    found = told(customer(**LOST), grace=None)
    assert "suspendsAt" not in found
    assert "Your existing accounts stay as they are. DELETE /v1/accounts/{id} closes one." in found["message"]


def test_who_was_not_asked_about_or_pays_elsewhere_is_told_so() -> None:
    assert told(customer()) == {
        "method": "unknown",
        "message": "The payment provider, Stripe, was not asked about you yet. That happens within the hour.",
    }
    assert "ask support how your accounts are paid for" in told(customer(None))["message"]


async def test_the_customer_is_shown_with_its_limits(world: World, client: Client) -> None:
    world.add_key(world.key)
    world.add_customer(limit=4)
    world.add_account("one")
    answer = await client.get("/v1/customer", headers=world.headers)
    assert answer.status == 200
    body = await answer.json()
    assert (body["customerId"], body["email"], body["emailConfirmed"]) == ("c", "a@example.com", False)
    assert (body["accountLimit"], body["accountCount"], body["blocked"]) == (4, 1, False)
    assert body["payment"]["method"] == "valid"


async def test_a_customer_that_another_replica_made_is_read_and_a_deleted_one_is_a_409(
    world: World, client: Client
) -> None:
    world.add_key(world.key)
    answer = await client.get("/v1/customer", headers=world.headers)
    assert (answer.status, await error_of(answer)) == (409, "customer_gone")
    world.add_customer(live_only=True)
    assert (await client.get("/v1/customer", headers=world.headers)).status == 200
    answer = await client.get("/v1/customer", headers=world.admin())
    assert (answer.status, await error_of(answer)) == (403, "customer_key_required")
