"""What a Customer's state means for its accounts, and when: holds and notices. Pure: no clock of its own, no I/O.

The API server notes on the Customer since when the payment method is missing, and since when the grace period runs: of
a Customer that was missing one before there was a grace period, from when the API server first saw it. So nobody is
suspended without having had the whole period, and its notices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from batteries_crds.aws_account_status import Hold
from batteries_crds.base import to_rfc3339
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.notification import Notification, NotificationKind, NotificationSpec

REMINDERS = (timedelta(days=3), timedelta(days=1))
"""So long before the suspension the owner is reminded of it."""


WARNINGS = frozenset({NotificationKind.PAYMENT_METHOD_MISSING, NotificationKind.SUSPENSION_SOON})
"""The mails that tell the owner of the suspension before it comes."""

PAYMENT_KINDS = WARNINGS | {NotificationKind.SUSPENDED}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the owner has to be told from `at` on; `suspends_at` is when the accounts are suspended."""

    kind: NotificationKind
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
    yield Notice(NotificationKind.PAYMENT_METHOD_MISSING, began, ends)
    for before in REMINDERS:
        if ends - before > began:
            yield Notice(NotificationKind.SUSPENSION_SOON, ends - before, ends)
    yield Notice(NotificationKind.SUSPENDED, ends, ends)


def bind_account(spec: NotificationSpec, customer: Customer) -> bool:
    """Whether a Notification tells of the loss of payment that the Customer has now."""
    since = customer.status.payment_grace_since
    missing = customer.status.payment_method is PaymentMethod.MISSING
    is_same = since is not None and spec.details.get("since") == to_rfc3339(since)
    return spec.kind in PAYMENT_KINDS and missing and is_same


def due_notice(
    customer: Customer, grace: timedelta | None, made: list[Notification], *, is_held: bool, now: datetime
) -> Notice | None:
    """The one notice that has to be made now, if any. `made` are the Customer's Notifications, `is_held` says whether
    an account is held for want of payment.

    Of several that became due while nobody looked only the newest is made. When the grace period is over a reminder
    says nothing any more, but who was never warned is told of the loss all the same.
    """
    told = [each for each in made if bind_account(each.spec, customer)]
    past = [notice for notice in notices(customer, grace) if notice.at <= now]
    if not past:
        return None
    lost, newest = past[0], past[-1]
    if newest.kind in WARNINGS:
        same = (newest.kind, to_rfc3339(newest.at))
        return None if same in {(each.spec.kind, each.spec.details.get("at")) for each in told} else newest
    if not any(each.spec.kind in WARNINGS for each in told):
        return lost
    if is_held and not any(_tells_of_end(each, newest.at) for each in told):
        return newest
    return None


def _tells_of_end(made: Notification, ends: datetime) -> bool:
    """Whether it told of a suspension at `ends` or later: one that was told and lifted before is not this one."""
    created = made.metadata.creation_timestamp
    is_this = made.spec.details.get("at") == to_rfc3339(ends)
    return made.spec.kind is NotificationKind.SUSPENDED and (is_this or (created is not None and created >= ends))


def why_not_to_send(spec: NotificationSpec, customer: Customer, grace: timedelta | None, now: datetime) -> str | None:
    """Why a payment mail that waits must not go any more; None where it still holds true, or is of another kind."""
    if spec.kind not in PAYMENT_KINDS:
        return None
    ends = customer.grace_ends(grace)
    if ends is None or not bind_account(spec, customer):
        return "The customer can pay again, or nobody is suspended for that any more."
    if spec.kind is NotificationKind.SUSPENSION_SOON:
        if spec.details.get("suspendedAt") != to_rfc3339(ends):
            return "The suspension was moved to another time."
        if ends <= now:
            return "The time of the suspension has passed."
    return None
