"""Syncs Customers with Stripe: one for each Stripe customer, with its payment status as Stripe reports it now.

Every caller ends in `_observe`, which queries Stripe and writes the result; so it does not matter which of the events
arrives, how often, or in what order. If two queries overlap, on any replicas, the resourceVersion check makes the later
one win, without comparing clocks: each reads the resourceVersion, queries Stripe, and writes with that version, even if
nothing changed. So nobody else wrote between a query and its write. On a conflict it queries again.

spec.stripeCustomerId says which Stripe customer a Customer belongs to. Its name is derived from that id, but proves
nothing: anybody who may create Customers in the namespace can use that name.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.standing import Standing
from batteries_apiserver.http.errors import BadRequest, Conflict, Unavailable
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.runtime.keyed_lock import KeyedLocks
from batteries_crds.base import to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.customer import MAX_CARDS, Customer, PaymentMethod, PaymentReason
from batteries_crds.identity import derived_uuid
from batteries_crds.kube.client import CONFLICT, UNPROCESSABLE, status_of

log = structlog.get_logger(__name__)

_ATTEMPTS = 8

_locks = KeyedLocks()


def name_of(stripe_customer_id: str) -> str:
    """The Customer's name: derived from the id, so that it can't be created twice. Not from the unproven e-mail."""
    return str(derived_uuid(f"stripe-customer/{stripe_customer_id}"))


def remembered(before: list[str], now: Sequence[str]) -> list[str]:
    """The cards that were ever seen, the current ones last; the oldest are dropped first.

    Dropping one is harmless: whoever has that many different cards could sign up with each of them.
    """
    return [*(card for card in before if card not in now), *now][-MAX_CARDS:]


class Customers:
    """The Customers of those who signed up with a card."""

    def __init__(self, kube: Kube, gateway: StripeGateway) -> None:
        self._kube = kube
        self._gateway = gateway

    async def settle(self, stripe_customer_id: str, *, email: str | None) -> Customer | None:
        """Returns the Customer with its current payment status. Creates it if there is none and `email` is given.

        Raises:
            Conflict: an object that does not belong to this Stripe customer has the Customer's name.
            BadRequest: the resource's rules refuse the e-mail address.
            Unavailable: the call to Stripe failed, or every attempt conflicted with another writer.
            kubernetes.aio.client.ApiException: Kubernetes refuses.
        """
        return await self._settled(name_of(stripe_customer_id), stripe_customer_id, email)

    async def recheck(self, customer: Customer) -> None:
        """Queries Stripe again about a Customer from the cache.

        Raises:
            As `settle`.
        """
        if customer.spec.stripe_customer_id is not None:
            await self._settled(customer.metadata.name, customer.spec.stripe_customer_id, None)

    async def _settled(self, name: str, stripe_customer_id: str, email: str | None) -> Customer | None:
        # One at a time in this process, so that only other replicas can interfere.
        async with _locks.lock(name):
            for _ in range(_ATTEMPTS):
                try:
                    customer = await self._kube.customers.find(self._kube.namespace, name)
                    if customer is None and email is None:
                        return None
                    if customer is None:
                        customer = await self._create(name, stripe_customer_id, str(email))
                    if customer.spec.stripe_customer_id != stripe_customer_id:
                        raise _taken(name)
                    return await self._observe(customer, stripe_customer_id)
                except ApiException as error:
                    if status_of(error) != CONFLICT:
                        raise
        raise Unavailable("busy", "Other requests are changing this customer. Send the same request again shortly.")

    async def _create(self, name: str, stripe_customer_id: str, email: str) -> Customer:
        body = {"metadata": {"name": name}, "spec": {"email": email, "stripeCustomerId": stripe_customer_id}}
        try:
            created = await self._kube.customers.create(self._kube.namespace, body)
        except ApiException as error:
            if status_of(error) != UNPROCESSABLE:
                raise
            log.error("customer_refused", customer=name, reason=error.reason)
            raise BadRequest(
                "invalid_email",
                "This server does not accept the e-mail address of this checkout. Start another sign-up with POST "
                "/v1/stripe/setup and another address, such as team@example.com.",
            ) from error
        self._kube.caches.customers.put(created)
        log.info("customer_created", customer=name)
        return created

    async def _observe(self, customer: Customer, stripe_customer_id: str) -> Customer:
        standing = await self._gateway.standing(stripe_customer_id)
        was = customer.status.payment_method
        now, reason = self._judged(customer, standing)
        changed = was is not now
        # To the microsecond: a write that changes nothing gets no new resourceVersion, so others would not conflict.
        status: dict[str, Any] = {
            "paymentMethod": now.value if now else None,
            "paymentReason": reason.value,
            "paymentEndsAt": _ends_at(customer, standing),
            "paymentProblems": [problem.value for problem in standing.problems] or None,
            "paymentMethodCheckedAt": to_rfc3339(utc_now_exactly()),
            "cardFingerprints": remembered(customer.status.card_fingerprints or [], standing.cards),
        }
        if changed or customer.status.payment_method_since is None:
            status["paymentMethodSince"] = to_rfc3339(utc_now())
        if now is not PaymentMethod.MISSING or self._kube.unpaid_grace is None:
            status["paymentGraceSince"] = None
        elif changed or customer.status.payment_grace_since is None:
            # If it was missing before grace periods existed, the whole grace period starts now.
            status["paymentGraceSince"] = to_rfc3339(utc_now())
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": customer.metadata.resource_version},
            "status": status,
        }
        written = await self._kube.customers.merge_status(self._kube.namespace, customer.metadata.name, body)
        self._kube.caches.customers.put(written)
        if changed:
            log.info("payment_method_changed", customer=customer.metadata.name, payment_method=now, reason=reason)
        return written

    def _judged(self, customer: Customer, standing: Standing) -> tuple[PaymentMethod | None, PaymentReason]:
        """Returns what to write. The old value stays if Stripe doesn't know the customer, or if the breaker trips."""
        was = customer.status.payment_method
        if standing.can_pay is None:
            log.error(
                "customer_not_found_at_stripe",
                customer=customer.metadata.name,
                stripe_customer=customer.spec.stripe_customer_id,
                to_do="Check whether STRIPE_SECRET_KEY belongs to the Stripe account at which this customer signed up.",
            )
            return was, standing.reason
        now = PaymentMethod.VALID if standing.can_pay else PaymentMethod.MISSING
        if was is PaymentMethod.VALID and now is PaymentMethod.MISSING and self._are_too_many(customer):
            log.error(
                "payment_loss_held_back",
                customer=customer.metadata.name,
                reason=standing.reason,
                to_do="Too many customers lost their payment method within a day. See docs/alerts.md.",
            )
            return was, PaymentReason.HELD_BACK
        return now, standing.reason

    def _are_too_many(self, customer: Customer) -> bool:
        """Whether too many customers, this one included, lost their payment within a day, according to the objects."""
        known = [
            other.status
            for other in self._kube.caches.customers.all()
            if other.spec.stripe_customer_id is not None and other.metadata.name != customer.metadata.name
        ]
        breaker = self._kube.breaker
        lost = [
            status.payment_method_since
            for status in known
            if status.payment_method is PaymentMethod.MISSING and status.payment_method_since is not None
        ]
        held = sum(1 for status in known if status.payment_reason is PaymentReason.HELD_BACK)
        lately = breaker.together(utc_now(), lost)
        paying = sum(1 for status in known if status.payment_method is PaymentMethod.VALID)
        return breaker.stops(lately + held + 1, paying + lately + 1)


def _ends_at(customer: Customer, standing: Standing) -> str | None:
    """When the cancelled subscription ends; what was known stays if Stripe does not know the customer."""
    ends = customer.status.payment_ends_at if standing.can_pay is None else standing.ends_at
    return None if ends is None else to_rfc3339(ends)


def _taken(name: str) -> Conflict:
    log.error("customer_name_taken", customer=name)
    return Conflict(
        "customer_name_taken",
        f"The Customer {name} exists but was not created by this checkout, so it is left alone. Tell support: somebody "
        "has to delete that object or set its spec.stripeCustomerId. Then send the same request again.",
    )
