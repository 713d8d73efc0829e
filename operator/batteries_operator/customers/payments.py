"""What a Customer's state means for its accounts, and when: holds and notices. Pure: no clock, no I/O.

The API server writes to the Customer since when the payment method is missing, and since when the grace period runs:
for a Customer whose payment method was missing before grace periods existed, since the API server first saw it. So
nobody is suspended without the whole period and its notices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from batteries_crds.aws_account_status import Hold
from batteries_crds.base import to_rfc3339
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.notification import Notification, NotificationKind, NotificationSpec

REMINDERS = (timedelta(days=3), timedelta(days=1))
"""How long before the suspension the owner is reminded of it."""


WARNINGS = frozenset({NotificationKind.PAYMENT_METHOD_MISSING, NotificationKind.SUSPENSION_SOON})
"""The mails that announce the suspension to the owner before it comes."""

PAYMENT_KINDS = WARNINGS | {NotificationKind.SUSPENDED, NotificationKind.SUBSCRIPTION_ENDS}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be mailed to the owner from `at` on; `suspends_at` is when the accounts are suspended."""

    kind: NotificationKind
    at: datetime
    suspends_at: datetime


def due_at(customer: Customer, grace: timedelta | None) -> dict[Hold, datetime]:
    """From when on the Customer's accounts are to be held, for each automatic reason; it may be in the future."""
    ends = customer.grace_ends(grace)
    return {} if ends is None else {Hold.PAYMENT_METHOD_MISSING: ends}


def due_holds(customer: Customer, grace: timedelta | None, now: datetime) -> frozenset[Hold]:
    """The holds that the Customer's accounts should have; `grace` None: none for a missing payment method."""
    holds = {Hold.CUSTOMER_BLOCKED} if customer.spec.blocked else set()
    return frozenset(holds | {reason for reason, at in due_at(customer, grace).items() if at <= now})


def is_undecided(customer: Customer, grace: timedelta | None) -> bool:
    """Whether the payment method is missing and the API server has not begun the grace period: existing holds stay."""
    status = customer.status
    missing = status.payment_method is PaymentMethod.MISSING
    return grace is not None and missing and status.payment_grace_since is None


def notices(customer: Customer, grace: timedelta | None) -> Iterator[Notice]:
    """All notices about this loss of payment, in order of time; none while the owner can pay.

    The loss itself, at once; a reminder three days and one day before the suspension, if the grace period is long
    enough; and the suspension. The sender compares `at` with the clock, and with what was sent already.
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


def cancelled_for(customer: Customer) -> datetime | None:
    """When the subscription ends that the Customer has cancelled; None if it goes on, or has ended."""
    status = customer.status
    return status.payment_ends_at if status.payment_method is PaymentMethod.VALID else None


def is_about_current_loss(spec: NotificationSpec, customer: Customer) -> bool:
    """Whether a Notification is about the Customer's current loss of payment, or the one that is announced."""
    if spec.kind is NotificationKind.SUBSCRIPTION_ENDS:
        ends = cancelled_for(customer)
        return ends is not None and spec.details.get("at") == to_rfc3339(ends)
    since = customer.status.payment_grace_since
    missing = customer.status.payment_method is PaymentMethod.MISSING
    is_same = since is not None and spec.details.get("since") == to_rfc3339(since)
    return spec.kind in PAYMENT_KINDS and missing and is_same


def due_notice(
    customer: Customer, grace: timedelta | None, made: list[Notification], *, is_held: bool, now: datetime
) -> Notice | None:
    """The one notice that has to be created now, if any. `made` are the Customer's Notifications, `is_held` says
    whether an account is held for a missing payment method.

    A cancellation is told at once, however far ahead its end is. Of several notices that became due while no operator
    ran only the newest is created. After the grace period a reminder is pointless, but an owner who was never warned is
    still told of the loss.
    """
    about_loss = [each for each in made if is_about_current_loss(each.spec, customer)]
    if (ends := cancelled_for(customer)) is not None:
        cancelled = Notice(NotificationKind.SUBSCRIPTION_ENDS, ends, ends if grace is None else ends + grace)
        return None if about_loss else cancelled
    past = [notice for notice in notices(customer, grace) if notice.at <= now]
    if not past:
        return None
    lost, newest = past[0], past[-1]
    if newest.kind in WARNINGS:
        same = (newest.kind, to_rfc3339(newest.at))
        return None if same in {(each.spec.kind, each.spec.details.get("at")) for each in about_loss} else newest
    if not any(each.spec.kind in WARNINGS for each in about_loss):
        return lost
    if is_held and not any(_reports_end(each, newest.at) for each in about_loss):
        return newest
    return None


def _reports_end(made: Notification, ends: datetime) -> bool:
    """Whether it reported a suspension at `ends` or later: one that was reported and lifted before is another one."""
    created = made.metadata.creation_timestamp
    is_this = made.spec.details.get("at") == to_rfc3339(ends)
    return made.spec.kind is NotificationKind.SUSPENDED and (is_this or (created is not None and created >= ends))


def why_not_to_send(spec: NotificationSpec, customer: Customer, grace: timedelta | None, now: datetime) -> str | None:
    """Why a waiting payment mail must not be sent any more; None if it is still true, or is of another kind."""
    if spec.kind not in PAYMENT_KINDS:
        return None
    if spec.kind is NotificationKind.SUBSCRIPTION_ENDS:
        is_true = is_about_current_loss(spec, customer)
        return None if is_true else "The cancellation was taken back or moved, or the subscription has ended."
    ends = customer.grace_ends(grace)
    if ends is None or not is_about_current_loss(spec, customer):
        return "The customer can pay again, or a missing payment method suspends nobody any more."
    if spec.kind is NotificationKind.SUSPENSION_SOON:
        if spec.details.get("suspendedAt") != to_rfc3339(ends):
            return "The suspension was moved to another time."
        if ends <= now:
            return "The time of the suspension has passed."
    return None
