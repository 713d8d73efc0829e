"""Stripe's webhooks as values: verified on their raw bytes, and reduced to what happened and to whom.

An event only says which object to query, so nothing else of it is kept.
"""

import re
import time
from dataclasses import dataclass
from typing import Any

import stripe
import structlog

from batteries_apiserver.http.errors import BadRequest

log = structlog.get_logger(__name__)

_TOLERANCE_SECONDS = stripe.Webhook.DEFAULT_TOLERANCE

CHECKOUT_COMPLETED = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
CUSTOMER_CHANGED = frozenset(
    {
        "charge.refunded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
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
    }
)
CHARGE_DISPUTED = frozenset({"charge.dispute.closed", "charge.dispute.created"})
"""These events name a charge, and the charge names its customer."""
SUBSCRIBED = tuple(sorted(CHECKOUT_COMPLETED | CUSTOMER_CHANGED | CHARGE_DISPUTED))
"""The events for which the webhook endpoint must be registered at Stripe."""


_MALFORMED = (
    *(ValueError, AttributeError, TypeError, KeyError, RecursionError),
    stripe.SignatureVerificationError,
)
"""All exceptions that a malformed event can raise."""

_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


@dataclass(frozen=True, slots=True)
class Event:
    """A verified webhook: what happened, and to whom or what."""

    event_id: str
    kind: str
    object_id: str | None
    customer_id: str | None
    livemode: bool
    charge_id: str | None = None


def verified(raw: bytes, signature: str | None, secret: str) -> Event:
    """Returns the event of a webhook's raw body.

    Raises:
        BadRequest: the signature is not Stripe's with our secret, its time is not now, or the body is not an event.
    """
    try:
        # construct_event fails with different exceptions: bytes that are not UTF-8 before it checks the signature,
        # JSON that is not an object after that.
        event = stripe.Webhook.construct_event(raw, signature, secret)
        _refuse_the_future(str(signature))
        return _event(event.to_dict())
    except _MALFORMED as error:
        log.warning("webhook_refused", error=type(error).__name__)
        raise BadRequest("invalid_signature", "This is not an event that Stripe signed for this endpoint.") from error


def _refuse_the_future(signature: str) -> None:
    """The library refuses only old timestamps; an event with one from next year could be replayed until then."""
    # The first "t", because that is the one that the checked signature covers.
    first = next(part for part in signature.split(",") if part.startswith("t="))
    if int(first.split("=", 2)[1]) > time.time() + _TOLERANCE_SECONDS:
        raise ValueError("signed in the future")


def _event(event: dict[str, Any]) -> Event:
    """Reads an event. The signature proves who sent it, not its form: each part may have any type.

    Raises:
        ValueError, AttributeError, TypeError, KeyError: it is not an event.
    """
    event_id, kind, about = event["id"], event["type"], event["data"]["object"]
    if not isinstance(event_id, str) or not isinstance(kind, str):
        raise TypeError("an event's id and type are strings")
    previous = event["data"].get("previous_attributes") or {}
    # A detached card has no customer any more; its former customer is among the previous attributes.
    customer = about["id"] if about.get("object") == "customer" else about.get("customer") or previous.get("customer")
    return Event(event_id, kind, _id(about.get("id")), _id(customer), bool(event["livemode"]), _id(about.get("charge")))


def _id(value: object) -> str | None:
    """The value if it has the form of a Stripe id, else None."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
