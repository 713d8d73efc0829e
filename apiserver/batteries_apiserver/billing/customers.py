"""Keeps Customers true to Stripe: one per Stripe customer, its payment method as Stripe has it now.

Every caller ends in `_observe`, which asks Stripe and writes what it says; so it does not matter which of the events
arrives, how often, or in what order. Of two that overlap, the one that asked later is what stays, on any replicas and
by nobody's clock: each reads the resourceVersion, asks, and writes with it, also what is so already. So between the
reading and the writing of one nobody else has written, and who writes next has asked later. One that finds that
another has written can't tell which of the two asked later, and asks again.

A Customer is that of a Stripe customer by its spec.stripeCustomerId. Its name follows from that id, and proves nothing:
anybody who may create Customers in the namespace can take a name.
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
    """The Customer's name: derived, so that creating it twice is impossible. Never by e-mail, which proves nothing."""
    return str(derived_uuid(f"stripe-customer/{stripe_customer_id}"))


def remembered(before: list[str], now: Sequence[str]) -> list[str]:
    """The cards that were ever seen, those of now at the end; the oldest are forgotten first.

    Who has so many different cards that one is forgotten gets as many accounts by signing up with each.
    """
    return [*(card for card in before if card not in now), *now][-MAX_CARDS:]


class Customers:
    """The Customers of those who signed up with a card."""

    def __init__(self, kube: Kube, gateway: StripeGateway) -> None:
        self._kube = kube
        self._gateway = gateway

    async def settle(self, stripe_customer_id: str, *, email: str | None) -> Customer | None:
        """The Customer with its payment method as Stripe has it now; made where there is none and `email` is given.

        Raises:
            Conflict: the Customer's name is taken by one of somebody else.
            BadRequest: no Customer can have that e-mail address.
            Unavailable: Stripe does not answer, or others change the Customer all the time.
            kubernetes.aio.client.ApiException: Kubernetes refuses.
        """
        return await self._settled(name_of(stripe_customer_id), stripe_customer_id, email)

    async def recheck(self, customer: Customer) -> None:
        """Asks Stripe again about a Customer of the cache.

        Raises:
            As `settle`.
        """
        if customer.spec.stripe_customer_id is not None:
            await self._settled(customer.metadata.name, customer.spec.stripe_customer_id, None)

    async def _settled(self, name: str, stripe_customer_id: str, email: str | None) -> Customer | None:
        # One at a time in this process, so that only those of other replicas come in between.
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
        raise Unavailable("busy", "This customer is being changed by others. Send the same request again shortly.")

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
                "No account can be made for the e-mail address of this checkout. Begin another with POST "
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
        # To the microsecond: a write that changes nothing gets no new resourceVersion, and would not be seen.
        status: dict[str, Any] = {
            "paymentMethod": now.value if now else None,
            "paymentReason": reason.value,
            "paymentProblems": [problem.value for problem in standing.problems] or None,
            "paymentMethodCheckedAt": to_rfc3339(utc_now_exactly()),
            "cardFingerprints": remembered(customer.status.card_fingerprints or [], standing.cards),
        }
        if changed or customer.status.payment_method_since is None:
            status["paymentMethodSince"] = to_rfc3339(utc_now())
        if now is not PaymentMethod.MISSING or self._kube.unpaid_grace is None:
            status["paymentGraceSince"] = None
        elif changed or customer.status.payment_grace_since is None:
            # Also of one that was missing before there was a grace period: it has all of it, from here on.
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
        """What is to be written; what was known stays where nothing was learnt, and where too many turn at once."""
        was = customer.status.payment_method
        if standing.can_pay is None:
            log.error(
                "customer_not_found_at_stripe",
                customer=customer.metadata.name,
                stripe_customer=customer.spec.stripe_customer_id,
                to_do="Is STRIPE_SECRET_KEY of another Stripe account than the one that this customer paid by?",
            )
            return was, standing.reason
        now = PaymentMethod.VALID if standing.can_pay else PaymentMethod.MISSING
        if was is PaymentMethod.VALID and now is PaymentMethod.MISSING and self._are_too_many(customer):
            log.error(
                "payment_loss_held_back",
                customer=customer.metadata.name,
                reason=standing.reason,
                to_do="Too many customers lost their payment within a day. See docs/alerts.md.",
            )
            return was, PaymentReason.HELD_BACK
        return now, standing.reason

    def _are_too_many(self, customer: Customer) -> bool:
        """Whether with this one too many would have lost their payment of late; told from the objects alone."""
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


def _taken(name: str) -> Conflict:
    log.error("customer_name_taken", customer=name)
    return Conflict(
        "customer_name_taken",
        f"The Customer {name} was not made by this checkout, so nothing is done with it. Tell support: that object has "
        "to be deleted or given its spec.stripeCustomerId, and then the same request works.",
    )
