"""What the billing handlers share for the application's lifetime."""

from dataclasses import dataclass

from aiohttp import web

from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.settings import Settings


@dataclass(frozen=True, slots=True)
class Billing:
    """Settings, Kubernetes and, if it is configured, Stripe."""

    settings: Settings
    kube: Kube
    gateway: StripeGateway | None

    @property
    def stripe(self) -> StripeGateway:
        """The gateway to Stripe.

        Raises:
            Unavailable: no key is set.
        """
        if self.gateway is None:
            raise Unavailable(
                "billing_not_configured",
                "Nobody can sign up on this server: STRIPE_SECRET_KEY is not set.",
                retry_after=60,
            )
        return self.gateway


BILLING = web.AppKey("billing", Billing)
