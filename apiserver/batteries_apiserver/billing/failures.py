"""Handles failed calls to Stripe: a log line with Stripe's reason, a metric, and an error for the caller.

The reason is for whoever runs this server. The caller learns only whether to try again.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import stripe
import structlog

from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.runtime.metrics import STRIPE_FAILURES

log = structlog.get_logger(__name__)

_LONGEST_REASON = 300
_EMAIL = re.compile(r"[^\s'\"]+@[^\s'\"]+")

_TO_DO = {
    "key_refused": "Stripe refuses STRIPE_SECRET_KEY: it was revoked, has expired, or was copied incompletely. Set a "
    "valid key and restart.",
    "not_permitted": "STRIPE_SECRET_KEY is a restricted key and lacks a permission; docs/stripe.md lists them all.",
}


@asynccontextmanager
async def asking(what: str) -> AsyncIterator[None]:
    """Wraps calls to Stripe: logs and counts their errors, and raises them as Unavailable."""
    try:
        yield
    except stripe.StripeError as error:
        raise failed(what, error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The library wraps a failed connection, but not a response that is cut off.
        raise failed(what, error) from error


def failed(doing: str, error: Exception) -> Unavailable:
    """Logs and counts the error, and returns the error for the caller."""
    outcome = _outcome(error)
    STRIPE_FAILURES.labels(outcome).inc()
    known = error if isinstance(error, stripe.StripeError) else None
    log.error(
        "stripe_failed",
        doing=doing,
        outcome=outcome,
        error=type(error).__name__,
        reason=_reason(error),
        status=known.http_status if known else None,
        stripe_code=known.code if known else None,
        stripe_request_id=known.request_id if known else None,
        to_do=_TO_DO.get(outcome),
    )
    return unavailable(is_refused=outcome in _TO_DO)


def portal_not_set_up(error: stripe.StripeError) -> Unavailable:
    """Logs and counts that nobody has set up the customer portal, and returns the error for the caller."""
    STRIPE_FAILURES.labels("portal_not_set_up").inc()
    log.error(
        "stripe_portal_not_set_up",
        reason=_reason(error),
        to_do="Save the customer portal's settings once in Stripe's dashboard, in the mode of STRIPE_SECRET_KEY: "
        "https://dashboard.stripe.com/settings/billing/portal, or correct STRIPE_PORTAL_CONFIGURATION. See "
        "docs/stripe.md.",
    )
    return Unavailable(
        "portal_not_configured",
        "The people who run this server have not set up the payment provider's page for customers yet, so you can't "
        "change your card or cancel there now. Ask support; send the same request again later. DELETE "
        "/v1/accounts/{id} closes an account without it.",
        retry_after=3600,
    )


def unavailable(*, is_refused: bool = False) -> Unavailable:
    """503: Stripe does not respond, or refuses this server's key."""
    if is_refused:
        return Unavailable(
            "stripe_unavailable",
            "The payment provider, Stripe, refuses this server's key, and the people who run the server have to fix "
            "that. Send the same request again later.",
            retry_after=60,
        )
    return Unavailable(
        "stripe_unavailable",
        "The payment provider, Stripe, does not respond. Send the same request again shortly.",
        retry_after=10,
    )


def _outcome(error: Exception) -> str:
    match error:
        case stripe.AuthenticationError():
            return "key_refused"
        case stripe.PermissionError():
            return "not_permitted"
        case stripe.RateLimitError():
            return "rate_limited"
        case stripe.InvalidRequestError():
            return "invalid_request"
        case _:
            return "unreachable"


def _reason(error: Exception) -> str:
    """Stripe's message, in which Stripe masks keys; we mask e-mail addresses too."""
    text = error.user_message if isinstance(error, stripe.StripeError) and error.user_message else str(error)
    return _EMAIL.sub("<e-mail>", " ".join((text or type(error).__name__).split()))[:_LONGEST_REASON]
