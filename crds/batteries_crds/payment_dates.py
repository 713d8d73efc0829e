"""What follows when a customer cancels, or can't pay any more, and when. Both programs tell the same. Pure.

Each step is told before it comes: no new accounts at once, then suspended, then closed where the platform team wants
that. A payment method or a paid subscription in between ends it all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from batteries_crds.customer import Customer, PaymentMethod


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """How long a customer may stay without a valid payment method."""

    grace: timedelta | None
    """Until the accounts are suspended; None: forever."""
    close_after: timedelta | None = None
    """From the suspension until AWS closes the accounts; None: never."""


@dataclass(frozen=True, slots=True)
class PaymentDates:
    """When what happens, as far as it is known; each may be in the past."""

    paid_until: datetime | None = None
    """When the subscription ends that the customer has cancelled."""
    suspends_at: datetime | None = None
    closes_at: datetime | None = None
    """The earliest time: never before the owner was told, nor before an account was suspended for as long."""


def payment_dates(customer: Customer, terms: PaymentTerms) -> PaymentDates:
    """The dates of the customer's present loss of payment, or of the one that the customer has asked for."""
    status = customer.status
    ahead = status.payment_ends_at if status.payment_method is PaymentMethod.VALID else None
    suspends_at = customer.grace_ends(terms.grace)
    if ahead is not None and terms.grace is not None:
        suspends_at = ahead + terms.grace
    closes_at = None if suspends_at is None or terms.close_after is None else suspends_at + terms.close_after
    return PaymentDates(ahead, suspends_at, closes_at)
