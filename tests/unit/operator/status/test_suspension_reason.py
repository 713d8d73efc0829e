"""Each reason of a suspension is said with its own way out, and the account is open when none is left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator.status.suspension_reason import why

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = "2027-01-31T12:00:00Z"
SINCE = {"since": "2026-11-24T00:00:00Z"}

REASONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "Suspended": ({"suspended": True}, {}, "set spec.suspended to false"),
    "SuspendedByOwner": ({"suspendedByOwner": True}, {}, "set spec.suspendedByOwner to false"),
    "ClosureRequested": ({"closeAt": LATER}, {}, "remove spec.closeAt"),
    "CustomerBlocked": ({}, {"CustomerBlocked": SINCE}, "an administrator has to unblock the Customer"),
    "PaymentMethodMissing": ({}, {"PaymentMethodMissing": SINCE}, "the owner has to give a valid payment method"),
    "Expired": ({}, {"Expired": SINCE}, "set a later spec.expiresAt"),
    "Tomorrow": ({}, {"Tomorrow": SINCE}, "the hold Tomorrow has to be lifted"),
}
"""By the reason: spec, holds, and the way out."""


def account(spec: dict[str, Any], holds: dict[str, Any], **status: Any) -> AwsAccount:
    body = {"email": "a@example.com", **spec}
    made = {"awsAccountId": "123456789012", **status, "holds": holds}
    return AwsAccount.model_validate(
        {"metadata": {"name": "acme", "namespace": "customers"}, "spec": body, "status": made}
    )


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_alone_suspends_and_is_said_with_its_way_out(reason: str) -> None:
    spec, holds, way_out = REASONS[reason]
    made = account(spec, holds)
    said, message = why(made)
    assert (made.is_suspended, made.is_wanted, said) == (True, False, reason)
    assert message.endswith(f"To open it again, {way_out}.")
    assert message.startswith("The account is closed: ")
    assert "no AWS account was made" in why(account(spec, holds, awsAccountId=None))[1]


def test_all_reasons_are_said_together_in_one_order() -> None:
    spec = {name: value for one, _, _ in REASONS.values() for name, value in one.items()}
    holds = {name: value for _, one, _ in REASONS.values() for name, value in one.items()}
    said, message = why(account(spec, holds))
    assert said == "Suspended"
    assert message.endswith(f"To open it again, {', and '.join(way for _, _, way in REASONS.values())}.")


def test_an_account_without_a_reason_is_open() -> None:
    open_one = account({"suspended": False, "suspendedByOwner": False, "expiresAt": LATER}, {})
    assert (open_one.is_suspended, open_one.is_wanted, open_one.closes_at) == (False, True, None)


def test_it_closes_at_the_earliest_time_that_a_reason_names() -> None:
    early, late = NOW + timedelta(days=3), NOW + timedelta(days=4)
    held = {"Expired": {**SINCE, "closesAt": early.isoformat()}, "PaymentMethodMissing": SINCE}
    assert account({}, held).closes_at == early
    assert account({"closeAt": late.isoformat()}, held).closes_at == early
    assert (
        account({"closeAt": early.isoformat()}, {"Expired": {**SINCE, "closesAt": late.isoformat()}}).closes_at == early
    )
    assert account({"suspended": True}, {"CustomerBlocked": SINCE}).closes_at is None


def test_the_closure_is_said_before_it_comes_and_the_way_back_after_it() -> None:
    _, before = why(account({"closeAt": LATER}, {}))
    assert f"If nothing changes, AWS closes it at {LATER}. To open it again, remove spec.closeAt." in before
    closed = account({"closeAt": LATER}, {}, closedAt="2027-01-31T12:00:05Z")
    assert why(closed) == (
        "ClosureRequested",
        "AWS account 123456789012 was closed on 2027-01-31T12:00:05Z. Only AWS Support can reopen it, until "
        "2027-05-01T12:00:05Z; then AWS deletes what is in it. To open it again, remove spec.closeAt.",
    )
    assert "AWS closes it" not in why(account({"closeAt": LATER}, {}, awsAccountId=None))[1]


def test_a_closed_account_can_be_reopened_for_ninety_days() -> None:
    assert account({}, {}).reopenable_until is None
    assert not account({}, {}).is_closed
    closed = account({}, {}, closedAt="2026-11-24T00:00:00Z")
    assert (closed.is_closed, closed.reopenable_until) == (True, NOW + timedelta(days=90))
