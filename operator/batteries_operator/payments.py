"""What a Customer's state means for its accounts, and when: holds and notices. Pure: no clock of its own, no I/O.

The API server notes on the Customer since when the payment method is missing, and since when the grace period runs: of
a Customer that was missing one before there was a grace period, from when the API server first saw it. So nobody is
suspended without having had the whole period, and its notices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from batteries_crds.aws_account_status import Hold
from batteries_crds.customer import Customer, PaymentMethod

REMINDERS = (timedelta(days=3), timedelta(days=1))
"""So long before the suspension the owner is reminded of it."""


class NoticeKind(StrEnum):
    """What a notice tells the owner."""

    LOST = "PaymentMethodLost"
    REMINDER = "SuspensionAhead"
    SUSPENDED = "SuspendedUnpaid"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the owner has to be told from `at` on; `suspends_at` is when the accounts are suspended."""

    kind: NoticeKind
    at: datetime
    suspends_at: datetime


def due_at(customer: Customer, grace: timedelta | None) -> dict[Hold, datetime]:
    """From when on the Customer's accounts are to be held, by each reason that comes by itself; it may lie ahead."""
    ends = customer.grace_ends(grace)
    return {} if ends is None else {Hold.PAYMENT_METHOD_MISSING: ends}


def due_holds(customer: Customer, grace: timedelta | None, now: datetime) -> frozenset[Hold]:
    """The holds that the Customer's accounts should have; `grace` None: none for want of payment."""
    holds = {Hold.CUSTOMER_BLOCKED} if customer.spec.blocked else set()
    return frozenset(holds | {reason for reason, at in due_at(customer, grace).items() if at <= now})


def is_undecided(customer: Customer, grace: timedelta | None) -> bool:
    """Whether payment is missing and the API server has not begun the grace period yet: what is held stays as it is."""
    status = customer.status
    missing = status.payment_method is PaymentMethod.MISSING
    return grace is not None and missing and status.payment_grace_since is None


def notices(customer: Customer, grace: timedelta | None) -> Iterator[Notice]:
    """All that the owner is to be told of this loss of payment, in order of time; nothing while they can pay.

    The loss itself, at once; a reminder three days and one day before the suspension, as far as the grace period has
    room for them; and the suspension. Who sends them compares `at` with the clock, and with what was sent already.
    """
    ends = customer.grace_ends(grace)
    began = customer.status.payment_grace_since
    if ends is None or began is None:
        return
    yield Notice(NoticeKind.LOST, began, ends)
    for before in REMINDERS:
        if ends - before > began:
            yield Notice(NoticeKind.REMINDER, ends - before, ends)
    yield Notice(NoticeKind.SUSPENDED, ends, ends)
