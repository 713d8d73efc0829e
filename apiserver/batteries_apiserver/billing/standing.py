"""Whether a customer can pay, and why or why not, as Stripe reports it now.

With a price, the subscription decides: a paid one counts, whether it was paid by card, Link, SEPA debit or invoice, and
whatever payment methods are saved. Without a price, a saved payment method of any type is enough.

"Not found" says nothing about a customer: with a key of another Stripe account or mode, Stripe finds nobody. "Deleted"
does say something, and it is final.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from batteries_apiserver.billing.charges import problems_of
from batteries_apiserver.billing.failures import asking
from batteries_crds.customer import PaymentProblem, PaymentReason

_GOOD = frozenset({PaymentReason.METHOD_ON_FILE, PaymentReason.SUBSCRIPTION_PAID, PaymentReason.SUBSCRIPTION_TRIAL})

_OF_STATUS = {
    "active": PaymentReason.SUBSCRIPTION_PAID,
    "trialing": PaymentReason.SUBSCRIPTION_TRIAL,
    "past_due": PaymentReason.INVOICE_PAST_DUE,
    "unpaid": PaymentReason.INVOICE_UNPAID,
    "incomplete": PaymentReason.FIRST_INVOICE_UNPAID,
    "paused": PaymentReason.SUBSCRIPTION_PAUSED,
}
"""The best first: a customer with one paid subscription can pay, whatever the state of another one. past_due does not
count as paid: who owes for the last month keeps the existing accounts, but gets no other until the invoice is paid."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a customer can pay, and the reason."""

    reason: PaymentReason
    cards: tuple[str, ...] = ()
    """Hashes of Stripe's fingerprints of the saved cards and bank accounts."""
    ends_at: datetime | None = None
    """When the subscription ends, if the customer has cancelled it."""
    problems: tuple[PaymentProblem, ...] = ()
    """What an administrator should know of the customer's charges."""

    @property
    def can_pay(self) -> bool | None:
        """Whether the customer can pay; None if Stripe does not know the customer."""
        return None if self.reason is PaymentReason.NOT_FOUND else self.reason in _GOOD


async def standing_of(
    client: stripe.StripeClient, customer_id: str, *, subscribes: bool, livemode: bool, installation: str
) -> Standing:
    """Returns the customer's standing. `subscribes`: whether a price is set.

    Raises:
        Unavailable: the call to Stripe failed.
    """
    try:
        methods = await _methods(client, customer_id, livemode)
    except _NotThereError:
        is_deleted = await _is_deleted(client, customer_id)
        return Standing(PaymentReason.DELETED if is_deleted else PaymentReason.NOT_FOUND)
    cards = tuple(sorted({_hashed(fingerprint) for method in methods if (fingerprint := _fingerprint(method))}))
    if not subscribes:
        return Standing(PaymentReason.METHOD_ON_FILE if methods else PaymentReason.NO_METHOD, cards)
    reason, ends_at = await _subscription(client, customer_id, livemode, installation)
    if reason is PaymentReason.SUBSCRIPTION_TRIAL and not methods:
        reason = PaymentReason.NO_METHOD  # nothing was paid yet, and there is no payment method
    if reason not in _GOOD:
        ends_at = None
    return Standing(reason, cards, ends_at, await problems_of(client, customer_id, livemode))


class _NotThereError(Exception):
    """Stripe does not know the customer, or the customer was deleted."""


async def _methods(client: stripe.StripeClient, customer_id: str, livemode: bool) -> list[dict[str, Any]]:
    async with asking("read a customer's payment methods"):
        try:
            methods = await client.v1.customers.payment_methods.list_async(customer_id, {"limit": 100})
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                raise _NotThereError from error
            raise
    return [method.to_dict() for method in methods.data if method.livemode is livemode]


def _fingerprint(method: dict[str, Any]) -> str | None:
    """Stripe's fingerprint of the card's or bank account's number; other types have none."""
    found = (method.get(str(method.get("type"))) or {}).get("fingerprint")
    return found if isinstance(found, str) else None


def _hashed(fingerprint: str) -> str:
    """Can't be reversed by guessing: Stripe's fingerprints are random and differ between Stripe accounts."""
    return hashlib.sha256(f"card/{fingerprint}".encode()).hexdigest()[:32]


async def _is_deleted(client: stripe.StripeClient, customer_id: str) -> bool:
    async with asking("read a customer"):
        try:
            customer = await client.v1.customers.retrieve_async(customer_id)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return False
            raise
    return bool(customer.to_dict().get("deleted"))


async def _subscription(
    client: stripe.StripeClient, customer_id: str, livemode: bool, installation: str
) -> tuple[PaymentReason, datetime | None]:
    """The best state of the customer's subscriptions, and when it ends, if all that are in it were cancelled.

    Any price counts, because prices change and people move customers; only subscriptions that another installation sold
    do not count.
    """
    async with asking("read a customer's subscriptions"):
        # Without a status filter, Stripe lists all subscriptions that were not canceled.
        found = await client.v1.subscriptions.list_async({"customer": customer_id, "limit": 100})
    ours = [one for one in found.data if one.livemode is livemode and _sold_by(one) in (None, installation)]
    statuses = {one.status for one in ours}
    best = next((status for status in _OF_STATUS if status in statuses), None)
    if best is None:
        return PaymentReason.NO_SUBSCRIPTION, None
    ends = [_ends(one.to_dict()) for one in ours if one.status == best]
    lasting = None in ends
    return _OF_STATUS[best], None if lasting else max(one for one in ends if one is not None)


def _ends(subscription: dict[str, Any]) -> datetime | None:
    """When a subscription ends that was cancelled; None if it goes on.

    One with flexible billing, the default, that a customer cancelled in the portal has only `cancel_at`; others may
    have only the flag (https://docs.stripe.com/billing/subscriptions/billing-mode/compare).
    """
    at = subscription.get("cancel_at")
    if at is None and subscription.get("cancel_at_period_end"):
        items = (subscription.get("items") or {}).get("data") or []
        at = max((item["current_period_end"] for item in items), default=None)
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _sold_by(subscription: stripe.Subscription) -> str | None:
    """The installation that marked it; None without a mark (made by an earlier release, or in Stripe's dashboard)."""
    marks = subscription.metadata
    return marks["installation"] if marks and "installation" in marks else None
