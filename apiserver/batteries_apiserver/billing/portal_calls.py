"""The calls to Stripe for somebody who has signed up: the customer portal, and a checkout to subscribe again.

A checkout made here has no mark of a sign-up (`created_by`), so no API key can be fetched with it. An open one is used
again: whoever asks twice must not pay twice.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import stripe
import structlog
from stripe.params.billing_portal import SessionCreateParams as PortalParams
from stripe.params.checkout import SessionCreateParams

from batteries_apiserver.billing.failures import asking, portal_not_set_up

log = structlog.get_logger(__name__)

AGAIN = "subscribe-again"
"""The purpose in a checkout's metadata."""

_NOT_SET_UP = ("default configuration has not been created", "save your customer portal settings")
"""How Stripe says that nobody has saved the portal's settings; the error has no code and no parameter."""


@dataclass(frozen=True, slots=True)
class PortalCalls:
    """What customers get from Stripe. `price_id`: what is sold, if anything is; `configuration`: what the portal lets
    people do, None for what was saved in the dashboard; `mark` returns the marks of our subscriptions.
    """

    client: stripe.StripeClient
    price_id: str | None
    configuration: str | None
    mark: Callable[[], Awaitable[dict[str, str]]]

    async def url(self, customer_id: str, *, return_url: str) -> str | None:
        """Returns the URL of a new session of the customer portal; None if Stripe does not have the customer.

        Raises:
            Unavailable: the portal is not set up at Stripe, or the call failed.
        """
        params: PortalParams = {"customer": customer_id, "return_url": return_url}
        if self.configuration is not None:
            params["configuration"] = self.configuration
        async with asking("open the customer portal"):
            try:
                session = await self.client.v1.billing_portal.sessions.create_async(
                    params, {"idempotency_key": f"portal-{uuid4()}"}
                )
            except stripe.InvalidRequestError as error:
                if _is_about_customer(error):
                    log.warning("portal_of_unknown_customer", stripe_customer=customer_id)
                    return None
                if error.param == "configuration" or any(words in str(error) for words in _NOT_SET_UP):
                    raise portal_not_set_up(error) from error
                raise
        return session.url

    async def checkout_again(self, customer_id: str, *, return_url: str) -> str | None:
        """Returns the URL of a checkout that subscribes the customer again; None if nothing is sold, or if Stripe does
        not have the customer.

        Raises:
            Unavailable: the call to Stripe failed, or the one to Kubernetes for the installation's name.
        """
        if self.price_id is None:
            return None
        mark = await self.mark()
        metadata = {"purpose": AGAIN, "installation": mark["installation"], "price": self.price_id}
        sessions = self.client.v1.checkout.sessions
        async with asking("create a checkout for a customer"):
            try:
                opened = await sessions.list_async({"customer": customer_id, "status": "open", "limit": 100})
                for one in opened.data:
                    if one.to_dict().get("metadata") == metadata:
                        return one.url
                params: SessionCreateParams = {
                    "mode": "subscription",
                    "customer": customer_id,
                    "line_items": [{"price": self.price_id, "quantity": 1}],
                    "subscription_data": {"metadata": mark},
                    "allowed_payment_method_types": ["card"],
                    "success_url": return_url,
                    "cancel_url": return_url,
                    "metadata": metadata,
                }
                session = await sessions.create_async(params, {"idempotency_key": f"again-{uuid4()}"})
            except stripe.InvalidRequestError as error:
                if _is_about_customer(error):
                    return None
                raise
        return session.url


def _is_about_customer(error: stripe.InvalidRequestError) -> bool:
    return error.code == "resource_missing" and error.param == "customer"
