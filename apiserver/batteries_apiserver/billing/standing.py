"""Whether a customer can pay, and why or why not, as Stripe has it now.

With a price it is the subscription that tells: one that is paid is paid, by card, Link, SEPA debit or invoice, whatever
is on file. Without one, a payment method of any type will do.

"Not found" is no fact about a customer: with a key of another account or mode, everybody is not found. That a customer
was deleted is one, and Stripe says so for good.
"""

import hashlib
from dataclasses import dataclass
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
"""The best first: a customer with one subscription that is paid can pay, whatever became of another. Not past_due: who
owes for the last month keeps what there is, and gets no further account until it is paid."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a customer can pay, with the reason; None where Stripe does not know such a customer."""

    reason: PaymentReason
    cards: tuple[str, ...] = ()
    """Hashes of Stripe's fingerprints of the cards, and bank accounts, that are on file."""
    problems: tuple[PaymentProblem, ...] = ()
    """What an administrator should know of the customer's charges."""

    @property
    def can_pay(self) -> bool | None:
        """Whether; None where nothing was learnt."""
        return None if self.reason is PaymentReason.NOT_FOUND else self.reason in _GOOD


async def standing_of(
    client: stripe.StripeClient, customer_id: str, *, subscribes: bool, livemode: bool, installation: str
) -> Standing:
    """The customer's standing; `subscribes` where there is a price.

    Raises:
        Unavailable: Stripe does not answer as it should.
    """
    try:
        methods = await _methods(client, customer_id, livemode)
    except _NotThereError:
        is_deleted = await _is_deleted(client, customer_id)
        return Standing(PaymentReason.DELETED if is_deleted else PaymentReason.NOT_FOUND)
    cards = tuple(sorted({_hashed(fingerprint) for method in methods if (fingerprint := _fingerprint(method))}))
    if not subscribes:
        return Standing(PaymentReason.METHOD_ON_FILE if methods else PaymentReason.NO_METHOD, cards)
    reason = await _subscription(client, customer_id, livemode, installation)
    if reason is PaymentReason.SUBSCRIPTION_TRIAL and not methods:
        reason = PaymentReason.NO_METHOD  # nothing was paid yet, and nothing is there to pay with
    return Standing(reason, cards, await problems_of(client, customer_id, livemode))


class _NotThereError(Exception):
    """Stripe knows no such customer, or none any more."""


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
    """What Stripe knows the card's or the bank account's number by; other types have none."""
    found = (method.get(str(method.get("type"))) or {}).get("fingerprint")
    return found if isinstance(found, str) else None


def _hashed(fingerprint: str) -> str:
    """Not reversible by guessing: Stripe's fingerprint is random, and another one for each Stripe account."""
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
) -> PaymentReason:
    """Any subscription of the customer counts, whatever its price: prices change, and people move customers. Only one
    that another installation has sold does not."""
    async with asking("read a customer's subscriptions"):
        # Without a status Stripe lists all that were not canceled.
        found = await client.v1.subscriptions.list_async({"customer": customer_id, "limit": 100})
    ours = [one for one in found.data if one.livemode is livemode and _sold_by(one) in (None, installation)]
    statuses = {one.status for one in ours}
    return next((reason for status, reason in _OF_STATUS.items() if status in statuses), PaymentReason.NO_SUBSCRIPTION)


def _sold_by(subscription: stripe.Subscription) -> str | None:
    """The installation that marked it; None where none did: the release before, or people at Stripe's dashboard."""
    marks = subscription.metadata
    return marks["installation"] if marks and "installation" in marks else None
