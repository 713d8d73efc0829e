"""What a failed call to Stripe comes to: a log line with Stripe's own reason, a count, and a sentence for the caller.

The reason is for whoever runs this server. The caller is told no more than whether to come back.
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
    "key_refused": "Stripe refuses STRIPE_SECRET_KEY: it was revoked, has expired, or was not copied whole. Set a key "
    "that counts and restart.",
    "not_permitted": "STRIPE_SECRET_KEY is a restricted key and lacks a permission; docs/stripe.md says what it needs.",
}


@asynccontextmanager
async def asking(what: str) -> AsyncIterator[None]:
    """Around calls of Stripe: what goes wrong in the block is logged, counted, and raised as Unavailable."""
    try:
        yield
    except stripe.StripeError as error:
        raise failed(what, error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The library wraps a failed connection, but not an answer that breaks off.
        raise failed(what, error) from error


def failed(doing: str, error: Exception) -> Unavailable:
    """Logs and counts it; what to tell the caller."""
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


def unavailable(*, is_refused: bool = False) -> Unavailable:
    """503: Stripe does not answer, or refuses this server itself."""
    if is_refused:
        return Unavailable(
            "stripe_unavailable",
            "Stripe, which takes the cards, refuses this server for now, and whoever runs it has to mend that. Send "
            "the same request again later.",
            retry_after=60,
        )
    return Unavailable(
        "stripe_unavailable",
        "Stripe, which takes the cards, does not answer right now. Send the same request again shortly.",
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
    """In Stripe's words, which mask keys; an address that somebody signed up with is nobody's business."""
    text = error.user_message if isinstance(error, stripe.StripeError) and error.user_message else str(error)
    return _EMAIL.sub("<e-mail>", " ".join((text or type(error).__name__).split()))[:_LONGEST_REASON]
