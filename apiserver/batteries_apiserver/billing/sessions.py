"""A checkout session as this installation sees it: is it ours, how far is it, and who may fetch its key.

Stripe's statuses are open, complete and expired (https://docs.stripe.com/api/checkout/sessions/object).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from batteries_apiserver.billing.claim_secret import METADATA


@dataclass(frozen=True, slots=True)
class NewSession:
    """A checkout that a browser can open. The id is a secret until the key is fetched, and never logged."""

    session_id: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CompletedSession:
    """A completed checkout of this installation."""

    session_id: str = field(repr=False)
    customer_id: str
    email: str
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout of this installation: completed, still waiting for its payment, expired, or of no use any more."""

    completed: CompletedSession | None
    is_waiting: bool
    """Whether it can still be completed."""
    is_expired: bool
    """Whether it ended without being completed."""
    claim_digest: str | None = field(repr=False)
    """The hash of the secret that fetches its key; None if its id is enough."""


def session_of(raw: dict[str, Any]) -> Session:
    """Reads Stripe's session, whose customer is expanded."""
    status, is_unpaid = raw.get("status"), raw.get("payment_status") == "unpaid"
    return Session(
        completed=_completed(raw) if status == "complete" and not is_unpaid else None,
        is_waiting=status == "open" or (status == "complete" and is_unpaid),
        is_expired=status == "expired",
        claim_digest=(raw.get("metadata") or {}).get(METADATA),
    )


def _completed(raw: dict[str, Any]) -> CompletedSession | None:
    customer = raw.get("customer")
    email = (raw.get("customer_details") or {}).get("email")
    if not isinstance(customer, dict) or customer.get("deleted") or not email:
        return None
    moment = datetime.fromtimestamp(max(raw["created"], customer["created"]), UTC)
    return CompletedSession(raw["id"], customer["id"], email, moment)
