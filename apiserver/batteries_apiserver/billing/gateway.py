"""The only module that talks to Stripe: plain values in and out, and two kinds of trouble.

Only what is of the key's mode counts: test cards get nothing in a live installation, whatever an event says of them.

What Stripe refuses because of the caller's input is a BadRequest; everything else, our own wrong key included, is
Unavailable, so that callers (Stripe's webhooks among them) come back. Nothing here knows Kubernetes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import stripe
import structlog
from stripe.params.checkout import SessionCreateParams

from batteries_apiserver.billing.events import Event, verified
from batteries_apiserver.billing.failures import failed, unavailable
from batteries_apiserver.errors import BadRequest, Unavailable
from batteries_apiserver.settings import Settings

log = structlog.get_logger(__name__)

_OURS = {"created_by": "ai-batteries-included"}
"""Marks our sessions: a Stripe account may serve other shops too."""

_PAID = frozenset({"active", "trialing"})
"""Not past_due: who owes for the last month keeps what there is, and gets no further account until it is paid."""

_TIMEOUT_SECONDS = 8.0
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class NewSession:
    """A checkout that a browser can open. The id is a secret until the key was fetched, and not for logs."""

    session_id: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CompletedSession:
    """A checkout of ours that somebody completed."""

    session_id: str = field(repr=False)
    customer_id: str
    email: str
    completed_at: datetime


class StripeGateway:
    """Stripe, as far as we use it."""

    def __init__(
        self, client: stripe.StripeClient, webhook_secret: str | None, price_id: str | None = None, *, livemode: bool
    ) -> None:
        """`livemode`: whether the client's key is a live one."""
        self._client = client
        self._webhook_secret = webhook_secret
        self._price_id = price_id
        self._livemode = livemode

    async def new_session(self, email: str, *, success_url: str, cancel_url: str) -> NewSession:
        """Begins a checkout for a new customer: it saves a card or, where there is a price, subscribes with one.

        Raises:
            BadRequest: Stripe does not take the e-mail address.
            Unavailable: Stripe does not answer as it should.
        """
        params: SessionCreateParams = {
            **self._what_it_is_for(),
            "allowed_payment_method_types": ["card"],
            "customer_email": email,
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": _OURS,
        }
        async with _asking("create a checkout"):
            try:
                session = await self._client.v1.checkout.sessions.create_async(
                    params, {"idempotency_key": f"checkout-{uuid4()}"}
                )
            except stripe.InvalidRequestError as error:
                if error.param != "customer_email":
                    raise
                raise BadRequest("invalid_email", "This is not an e-mail address that Stripe takes.") from error
        if session.url is None:
            raise unavailable()
        return NewSession(session.id, session.url)

    def _what_it_is_for(self) -> SessionCreateParams:
        if self._price_id is None:
            # Without customer_creation a session in setup mode ends with no customer, and the card belongs to nobody.
            return {"mode": "setup", "customer_creation": "always"}
        return {
            "mode": "subscription",
            "line_items": [{"price": self._price_id, "quantity": 1}],
            "subscription_data": {"metadata": _OURS},
        }

    async def completed_session(self, session_id: str) -> CompletedSession | None:
        """The session if it is ours and completed; None otherwise.

        Raises:
            Unavailable: Stripe does not answer as it should.
        """
        async with _asking("read a checkout"):
            try:
                # The customer is made by the checkout's completion, so its age tells when that was.
                session = await self._client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["customer"]})
            except stripe.InvalidRequestError as error:
                if error.http_status == 404:
                    return None
                raise
        return _completed(session.to_dict()) if session.livemode is self._livemode else None

    async def can_pay(self, customer_id: str) -> bool:
        """Whether the customer exists in Stripe and has a card now and, where there is a price, a paid subscription.

        Raises:
            Unavailable: Stripe does not answer as it should.
        """
        async with _asking("read a customer's cards"):
            try:
                methods = await self._client.v1.customers.payment_methods.list_async(
                    customer_id, {"type": "card", "limit": 1}
                )
            except stripe.InvalidRequestError as error:
                if error.code == "resource_missing":
                    return False
                raise
        has_card = any(method.livemode is self._livemode for method in methods.data)
        return has_card and (self._price_id is None or await self._is_subscribed(customer_id))

    async def _is_subscribed(self, customer_id: str) -> bool:
        """Any subscription of the customer counts, whatever its price: prices change, and people move customers."""
        async with _asking("read a customer's subscriptions"):
            # Without a status Stripe lists all that were not canceled.
            found = await self._client.v1.subscriptions.list_async({"customer": customer_id, "limit": 100})
        return any(one.status in _PAID and one.livemode is self._livemode for one in found.data)

    def is_ours(self, event: Event) -> bool:
        """Whether the event is of the key's mode; one of the other is of other customers, and not acted on."""
        if event.livemode is not self._livemode:
            log.warning("webhook_of_other_mode", event_id=event.event_id, livemode=event.livemode)
        return event.livemode is self._livemode

    def event(self, raw: bytes, signature: str | None) -> Event:
        """The event of a webhook's raw body.

        Raises:
            BadRequest: it was not signed by Stripe with our secret just now, or is no event.
            Unavailable: we have no secret to check with.
        """
        if self._webhook_secret is None:
            raise Unavailable("billing_not_configured", "STRIPE_WEBHOOK_SECRET is not set on this server.")
        return verified(raw, signature, self._webhook_secret)


@asynccontextmanager
async def stripe_gateway(settings: Settings) -> AsyncIterator[StripeGateway | None]:
    """The gateway while the block runs; None where no key is set."""
    if settings.stripe_secret_key is None:
        log.warning("billing_not_configured", missing="STRIPE_SECRET_KEY")
        yield None
        return
    if settings.stripe_test_mode:
        log.warning("stripe_test_mode", meaning="Stripe's test cards get AWS accounts here.")
    http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
    secret = settings.stripe_webhook_secret
    base = settings.stripe_api_base
    client = stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        http_client=http,
        base_addresses={"api": str(base).rstrip("/")} if base else {},
        max_network_retries=_RETRIES,
    )
    try:
        yield StripeGateway(
            client,
            secret.get_secret_value() if secret else None,
            settings.stripe_price_id,
            livemode=not settings.stripe_test_mode,
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _asking(what: str) -> AsyncIterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        raise failed(what, error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The library wraps a failed connection, but not an answer that breaks off.
        raise failed(what, error) from error


def _completed(session: dict[str, Any]) -> CompletedSession | None:
    if session.get("status") != "complete" or not _OURS.items() <= (session.get("metadata") or {}).items():
        return None
    if session.get("payment_status") == "unpaid":
        return None
    customer = session.get("customer")
    email = (session.get("customer_details") or {}).get("email")
    if not isinstance(customer, dict) or customer.get("deleted") or not email:
        return None
    moment = datetime.fromtimestamp(max(session["created"], customer["created"]), UTC)
    return CompletedSession(session["id"], customer["id"], email, moment)
