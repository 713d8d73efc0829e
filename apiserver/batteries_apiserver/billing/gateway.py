"""The only module that talks to Stripe: plain values in and out, and two kinds of errors.

It ignores all objects of the other mode: test cards get nothing in a live installation, whatever an event says.

If Stripe refuses the caller's input, that is a BadRequest. Everything else, our own wrong key included, is Unavailable,
so that callers (Stripe's webhooks among them) try again. Nothing here knows Kubernetes.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import stripe
import structlog
from stripe.params.checkout import SessionCreateParams

from batteries_apiserver.billing.charges import customer_of_charge
from batteries_apiserver.billing.claim_secret import METADATA
from batteries_apiserver.billing.cost import Cost, Price
from batteries_apiserver.billing.events import Event, verified
from batteries_apiserver.billing.failures import asking, unavailable
from batteries_apiserver.billing.portal_calls import PortalCalls
from batteries_apiserver.billing.sessions import CompletedSession, NewSession, Session, session_of
from batteries_apiserver.billing.standing import Standing, standing_of
from batteries_apiserver.http.errors import BadRequest, Unavailable
from batteries_apiserver.settings import Settings
from batteries_crds.runtime.environment import trusted

log = structlog.get_logger(__name__)

_PRODUCT = {"created_by": "ai-batteries-included"}
"""Marks our sessions, with the installation's name: other shops and other installations may use the Stripe account."""

WHO_GETS_THE_KEY = (
    "Whoever started this checkout gets an API key that can request AWS accounts at this card's expense. Continue only "
    "if you started it yourself, or trust the person or agent who did."
)
"""Shown next to the button on Stripe's page."""

_TIMEOUT_SECONDS = 8.0
_RETRIES = 2


class StripeGateway:
    """The calls to Stripe that we use."""

    def __init__(
        self,
        client: stripe.StripeClient,
        webhook_secret: str | None,
        price_id: str | None = None,
        *,
        livemode: bool,
        installation: Callable[[], Awaitable[str]],
        success_url: str,
        portal_configuration: str | None = None,
    ) -> None:
        """`livemode`: whether the client's key is a live key. `success_url`: where browsers go after checkout.

        `portal_configuration`: what the customer portal lets people do; None: what was saved in Stripe's dashboard.
        """
        self._client = client
        self._webhook_secret = webhook_secret
        self._price_id = price_id
        self._price = Price(client, price_id, livemode)
        self._livemode = livemode
        self._installation = installation
        self._success_url = success_url
        self.portal = PortalCalls(client, price_id, portal_configuration, self._mark)

    async def _mark(self) -> dict[str, str]:
        return {**_PRODUCT, "installation": await self._installation()}

    async def new_session(
        self, email: str, *, success_url: str, cancel_url: str, claim_digest: str | None = None
    ) -> NewSession:
        """Starts a checkout for a new customer: it saves a card or, if a price is set, starts a subscription.

        `claim_digest`: the hash of the secret that will fetch the key; None if the session's id is to be enough.

        Raises:
            BadRequest: Stripe does not accept the e-mail address.
            Unavailable: the call to Stripe failed.
        """
        mark = await self._mark()
        params: SessionCreateParams = {
            **self._what_it_is_for(mark),
            "allowed_payment_method_types": ["card"],
            "customer_email": email,
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": mark | ({} if claim_digest is None else {METADATA: claim_digest}),
            # The person who pays may not be the one who started the checkout, and must know what the card pays for.
            "custom_text": {"submit": {"message": WHO_GETS_THE_KEY}},
        }
        async with asking("create a checkout"):
            try:
                session = await self._client.v1.checkout.sessions.create_async(
                    params, {"idempotency_key": f"checkout-{uuid4()}"}
                )
            except stripe.InvalidRequestError as error:
                if error.param != "customer_email":
                    raise
                raise BadRequest("invalid_email", "Stripe does not accept this e-mail address.") from error
        if session.url is None:
            raise unavailable()
        return NewSession(session.id, session.url)

    def _what_it_is_for(self, mark: dict[str, str]) -> SessionCreateParams:
        if self._price_id is None:
            # Without customer_creation a session in setup mode creates no customer, and the card belongs to nobody.
            return {"mode": "setup", "customer_creation": "always"}
        return {
            "mode": "subscription",
            "line_items": [{"price": self._price_id, "quantity": 1}],
            "subscription_data": {"metadata": mark},
        }

    async def cost(self) -> Cost:
        """Returns what a sign-up costs, or that Stripe can't say now."""
        return await self._price.cost()

    async def completed_session(self, session_id: str) -> CompletedSession | None:
        """Returns the session if it is ours and completed; None otherwise.

        Raises:
            Unavailable: the call to Stripe failed.
        """
        session = await self.session(session_id)
        return None if session is None else session.completed

    async def session(self, session_id: str) -> Session | None:
        """Returns the session if it is ours; None otherwise.

        Raises:
            Unavailable: the call to Stripe failed.
        """
        async with asking("read a checkout"):
            try:
                # Completing the checkout creates the customer, so the customer's age shows when that was.
                session = await self._client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["customer"]})
            except stripe.InvalidRequestError as error:
                if error.http_status == 404:
                    return None
                raise
        raw = session.to_dict()
        if session.livemode is not self._livemode or not await self._is_our_session(raw):
            return None
        return session_of(raw)

    async def _is_our_session(self, session: dict[str, Any]) -> bool:
        """Whether this installation started it, and not another one on the same Stripe account.

        The previous release marked sessions only with the product's name. Those that are still open are recognized by
        their success_url, which differs between installations.
        """
        marks = session.get("metadata") or {}
        if not _PRODUCT.items() <= marks.items():
            return False
        if "installation" not in marks:
            return bool(session.get("success_url") == self._success_url)
        return bool(marks["installation"] == await self._installation())

    async def standing(self, customer_id: str) -> Standing:
        """Returns whether the customer can pay, and why or why not.

        Raises:
            Unavailable: the call to Stripe failed, or the one to Kubernetes for the installation's name.
        """
        return await standing_of(
            self._client,
            customer_id,
            subscribes=self._price_id is not None,
            livemode=self._livemode,
            installation=await self._installation() if self._price_id is not None else "",
        )

    async def customer_of_charge(self, charge_id: str) -> str | None:
        """Returns the charge's customer; None if it has none or can't be read.

        Raises:
            Unavailable: the call to Stripe failed.
        """
        return await customer_of_charge(self._client, charge_id)

    def is_ours(self, event: Event) -> bool:
        """Whether the event has the key's mode; events of the other mode concern other customers and are ignored."""
        if event.livemode is not self._livemode:
            log.warning("webhook_of_other_mode", event_id=event.event_id, livemode=event.livemode)
        return event.livemode is self._livemode

    def event(self, raw: bytes, signature: str | None) -> Event:
        """Returns the event of a webhook's raw body.

        Raises:
            BadRequest: the signature is not Stripe's with our secret, its time is not now, or the body is not an event.
            Unavailable: STRIPE_WEBHOOK_SECRET is not set.
        """
        if self._webhook_secret is None:
            raise Unavailable("billing_not_configured", "STRIPE_WEBHOOK_SECRET is not set on this server.")
        return verified(raw, signature, self._webhook_secret)


@asynccontextmanager
async def stripe_gateway(
    settings: Settings, installation: Callable[[], Awaitable[str]]
) -> AsyncIterator[StripeGateway | None]:
    """Opens the gateway while the block runs; None without a key. `installation` returns this installation's name."""
    if settings.stripe_secret_key is None:
        log.warning("billing_not_configured", missing="STRIPE_SECRET_KEY")
        yield None
        return
    if settings.stripe_test_mode:
        log.warning("stripe_test_mode", meaning="Stripe's test cards get real AWS accounts here.")
    secret = settings.stripe_webhook_secret
    base = settings.stripe_api_base
    # As with boto3, proxies and certificate authorities come from the environment; if it names no authorities, Stripe's
    # own are used.
    connector = aiohttp.TCPConnector(ssl=trusted(os.environ, otherwise=stripe.ca_bundle_path))
    async with aiohttp.ClientSession(connector=connector, trust_env=True) as session:
        client = stripe.StripeClient(
            settings.stripe_secret_key.get_secret_value(),
            http_client=stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS), session=session),
            base_addresses={"api": str(base).rstrip("/")} if base else {},
            max_network_retries=_RETRIES,
        )
        yield StripeGateway(
            client,
            secret.get_secret_value() if secret else None,
            settings.stripe_price_id,
            livemode=not settings.stripe_test_mode,
            installation=installation,
            success_url=settings.success_url,
            portal_configuration=settings.stripe_portal_configuration,
        )
