"""What can be chosen about a stand-in, in one frozen value that the process and the tests both build."""

import re
from dataclasses import dataclass

# What an endpoint is registered for unless it says otherwise. Stripe sends an endpoint only the types it asked for;
# everything else is still in the Events API.
SUBSCRIBED_EVENTS = frozenset(
    {
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_failed",
        "payment_method.attached",
        "payment_method.detached",
        "setup_intent.succeeded",
    }
)

# Stripe's retries, scaled down: its live mode tries for three days, a person at a sandbox waits a minute or two.
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """One stand-in: where it listens, which secrets it accepts and signs with, and where its webhooks go."""

    host: str = "127.0.0.1"
    port: int = 0
    secret_key: str = "sk_test_sandbox"
    webhook_secret: str = "whsec_sandbox"
    webhook_url: str | None = None
    webhook_events: frozenset[str] = SUBSCRIBED_EVENTS
    retry_delays: tuple[float, ...] = RETRY_DELAYS
    webhook_timeout: float = 10.0
    # Where a browser reaches the checkout page, if that is not the address listened on.
    public_url: str | None = None
    # The prices that exist, monthly ones.
    price_ids: tuple[str, ...] = ("price_standin_monthly",)

    # How the portal cancels: at_period_end, immediately, or not at all (empty). None: nobody has set the portal up.
    portal_cancels: str | None = "at_period_end"

    @property
    def livemode(self) -> bool:
        """Whether all that is made is real, as the secret key says."""
        return not re.match("[sr]k_test_", self.secret_key)
