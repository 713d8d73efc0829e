"""When a missing payment method holds accounts and is mailed: each rule at its bound, without a clock or a cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batteries_crds.base import to_rfc3339
from batteries_crds.customer import Customer
from batteries_crds.notification import CONFIRMATIONS_A_DAY, Notification, NotificationKind
from batteries_operator.customers.payments import (
    due_at,
    due_holds,
    due_notice,
    is_about_current_loss,
    is_undecided,
    notices,
    why_not_to_send,
)
from batteries_operator.mails.rate_limit import MAILS_AN_HOUR, MailRates

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
GRACE = 7 * DAY
ENDS = BEGAN + GRACE
LOST, SOON, SUSPENDED = "PaymentMethodMissing", "SuspensionSoon", "Suspended"


def a_customer(*, lost: bool = True, since: datetime | None = BEGAN, blocked: bool = False) -> Customer:
    status = {"paymentMethod": "missing" if lost else "valid", "paymentGraceSince": since}
    spec = {"email": "a@example.com", "blocked": blocked}
    return Customer.model_validate({"metadata": {"name": "c-1"}, "spec": spec, "status": status})


def made(kind: str, at: datetime, *, since: datetime = BEGAN, created: datetime | None = None) -> Notification:
    details = {"since": to_rfc3339(since), "at": to_rfc3339(at), "suspendedAt": to_rfc3339(ENDS)}
    spec: dict[str, Any] = {"kind": kind, "customerRef": {"name": "c-1"}, "details": details}
    return Notification.model_validate({"metadata": {"name": "n", "creationTimestamp": created}, "spec": spec})


def test_a_hold_is_due_from_the_end_of_the_grace_period_on() -> None:
    assert due_holds(a_customer(), GRACE, ENDS - TICK) == frozenset()
    assert due_holds(a_customer(), GRACE, ENDS) == {"PaymentMethodMissing"}
    assert due_holds(a_customer(blocked=True), GRACE, ENDS) == {"PaymentMethodMissing", "CustomerBlocked"}
    assert due_holds(a_customer(blocked=True, lost=False), GRACE, BEGAN) == {"CustomerBlocked"}
    assert due_holds(a_customer(), None, ENDS) == frozenset()
    assert due_at(a_customer(lost=False), GRACE) == {}


def test_a_loss_whose_grace_period_has_not_begun_decides_nothing() -> None:
    assert is_undecided(a_customer(since=None), GRACE)
    assert not is_undecided(a_customer(since=None), None)
    assert not is_undecided(a_customer(), GRACE)
    assert not is_undecided(a_customer(lost=False, since=None), GRACE)


@pytest.mark.parametrize(
    ("grace", "days"),
    [(GRACE, [0, 4, 6, 7]), (3 * DAY, [0, 2, 3]), (3 * DAY + TICK, [0, 0, 2, 3]), (DAY, [0, 1]), (HOUR, [0, 0])],
)
def test_a_reminder_comes_three_days_and_one_day_before_if_there_is_more_time_than_that(
    grace: timedelta, days: list[int]
) -> None:
    found = list(notices(a_customer(), grace))
    assert [(each.at - BEGAN).days for each in found] == days
    assert [each.kind for each in found] == [LOST, *[SOON] * (len(days) - 2), SUSPENDED]
    assert {each.suspends_at for each in found} == {BEGAN + grace}


def test_who_can_pay_or_is_never_suspended_gets_no_notice() -> None:
    assert list(notices(a_customer(lost=False), GRACE)) == []
    assert list(notices(a_customer(), None)) == []


def test_a_notification_is_about_this_loss_by_its_time_while_it_lasts() -> None:
    assert is_about_current_loss(made(LOST, BEGAN).spec, a_customer())
    assert not is_about_current_loss(made(LOST, BEGAN, since=BEGAN - DAY).spec, a_customer())
    assert not is_about_current_loss(made(LOST, BEGAN).spec, a_customer(lost=False))
    assert not is_about_current_loss(made(LOST, BEGAN).spec, a_customer(since=None))
    assert not is_about_current_loss(made("KeyRevoked", BEGAN).spec, a_customer())


def due(now: datetime, *before: Notification, is_held: bool = False) -> tuple[str, datetime] | None:
    found = due_notice(a_customer(), GRACE, list(before), is_held=is_held, now=now)
    return None if found is None else (found.kind, found.at)


def test_each_notice_is_due_at_its_moment_and_once() -> None:
    assert due(BEGAN - TICK) is None
    assert due(BEGAN) == (LOST, BEGAN)
    assert due(BEGAN, made(LOST, BEGAN)) is None
    assert due(ENDS - 3 * DAY - TICK, made(LOST, BEGAN)) is None
    assert due(ENDS - 3 * DAY, made(LOST, BEGAN)) == (SOON, ENDS - 3 * DAY)
    assert due(ENDS - DAY, made(SOON, ENDS - 3 * DAY)) == (SOON, ENDS - DAY), "the other reminder"
    assert due(ENDS - DAY, made(SOON, ENDS - DAY)) is None
    assert due(ENDS - DAY, made(SOON, ENDS - DAY, since=BEGAN - DAY)) == (SOON, ENDS - DAY), "of an earlier loss"


def test_after_the_end_who_was_never_warned_is_told_of_the_loss_and_others_of_the_suspension() -> None:
    warned = made(SOON, ENDS - DAY)
    assert due(ENDS) == (LOST, BEGAN)
    assert due(ENDS, warned) is None, "no account is held"
    assert due(ENDS, warned, is_held=True) == (SUSPENDED, ENDS)
    assert due(ENDS, warned, made(SUSPENDED, ENDS), is_held=True) is None
    earlier = ENDS - DAY
    assert due(ENDS, warned, made(SUSPENDED, earlier, created=ENDS), is_held=True) is None
    assert due(ENDS, warned, made(SUSPENDED, earlier, created=ENDS - TICK), is_held=True) == (SUSPENDED, ENDS)
    assert due(ENDS, warned, made(SUSPENDED, earlier), is_held=True) == (SUSPENDED, ENDS)


def test_a_waiting_mail_is_sent_only_while_it_is_true() -> None:
    reminder, told = made(SOON, ENDS - DAY).spec, made(SUSPENDED, ENDS).spec
    assert why_not_to_send(reminder, a_customer(), GRACE, ENDS - TICK) is None
    assert "has passed" in str(why_not_to_send(reminder, a_customer(), GRACE, ENDS))
    assert "was moved" in str(why_not_to_send(reminder, a_customer(), GRACE + DAY, BEGAN))
    assert why_not_to_send(told, a_customer(), GRACE + DAY, ENDS) is None
    assert "can pay again" in str(why_not_to_send(told, a_customer(lost=False), GRACE, ENDS))
    assert "can pay again" in str(why_not_to_send(told, a_customer(), None, ENDS))
    assert "can pay again" in str(why_not_to_send(told, a_customer(since=BEGAN + DAY), GRACE, ENDS))
    other = made("KeyRevoked", BEGAN).spec
    assert why_not_to_send(other, a_customer(lost=False), None, ENDS) is None


CONFIRM, OTHER = NotificationKind.CONFIRM_EMAIL, NotificationKind.KEY_CREATED


@pytest.mark.parametrize(
    ("kind", "most", "period"), [(OTHER, 20, HOUR), (CONFIRM, CONFIRMATIONS_A_DAY, DAY)], ids=["others", "ConfirmEmail"]
)
def test_one_address_gets_so_many_mails_in_a_period(kind: NotificationKind, most: int, period: timedelta) -> None:
    now = [BEGAN]
    rates = MailRates(lambda: now[0])
    for sent in range(most):
        assert rates.wait("a@b.com", kind) is None, sent
        rates.note("A@B.com", kind, now[0] + sent * TICK)
    assert rates.wait("a@B.com", kind) == period
    assert rates.wait("other@b.com", kind) is None
    assert rates.wait("a@b.com", CONFIRM if kind is OTHER else OTHER) is None, "counted apart"
    now[0] = BEGAN + period - TICK
    assert rates.wait("a@b.com", kind) == TICK
    now[0] = BEGAN + period
    assert rates.wait("a@b.com", kind) is None
    rates.note("a@b.com", kind, now[0])
    assert rates.wait("a@b.com", kind) == TICK, "until the second one is so old"
    assert MAILS_AN_HOUR == 20


def test_a_mail_of_a_day_ago_counts_no_more() -> None:
    rates = MailRates(lambda: BEGAN + DAY)
    for _ in range(CONFIRMATIONS_A_DAY):
        rates.note("a@b.com", CONFIRM, BEGAN)
    assert rates.wait("a@b.com", CONFIRM) is None
    for _ in range(CONFIRMATIONS_A_DAY):
        rates.note("a@b.com", CONFIRM, BEGAN + TICK)
    assert rates.wait("a@b.com", CONFIRM) == TICK


CANCELLED = "SubscriptionEnds"


def a_cancelled(*, ends: datetime | None = ENDS, lost: bool = False) -> Customer:
    status = {"paymentMethod": "missing" if lost else "valid", "paymentEndsAt": ends}
    if lost:
        status["paymentGraceSince"] = BEGAN
    return Customer.model_validate({"metadata": {"name": "c-1"}, "spec": {"email": "a@example.com"}, "status": status})


@pytest.mark.parametrize("grace", [GRACE, None])
def test_a_cancellation_is_told_at_once_and_once(grace: timedelta | None) -> None:
    due = due_notice(a_cancelled(), grace, [], is_held=False, now=BEGAN)
    assert due is not None
    assert (due.kind, due.at, due.suspends_at) == (CANCELLED, ENDS, ENDS + (grace or timedelta()))
    told = [made(CANCELLED, ENDS)]
    assert due_notice(a_cancelled(), grace, told, is_held=False, now=BEGAN) is None
    assert due_notice(a_cancelled(ends=ENDS + DAY), grace, told, is_held=False, now=BEGAN) is not None
    assert due_notice(a_cancelled(ends=None), grace, [], is_held=False, now=BEGAN) is None


def test_what_was_told_of_a_cancellation_is_history_once_it_has_come() -> None:
    due = due_notice(a_cancelled(lost=True), GRACE, [made(CANCELLED, ENDS)], is_held=False, now=BEGAN)
    assert due is not None
    assert due.kind == LOST


@pytest.mark.parametrize(
    ("customer", "is_true"),
    [
        (a_cancelled(), True),
        (a_cancelled(ends=ENDS + DAY), False),
        (a_cancelled(ends=None), False),
        (a_cancelled(lost=True), False),
    ],
)
def test_the_mail_of_a_cancellation_is_sent_only_while_it_is_true(customer: Customer, is_true: bool) -> None:
    why = why_not_to_send(made(CANCELLED, ENDS).spec, customer, None, BEGAN)
    assert (why is None) is is_true
    assert is_about_current_loss(made(CANCELLED, ENDS).spec, customer) is is_true
