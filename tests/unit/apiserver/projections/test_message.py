"""What is happening to an account, and since when: each state has its sentence, its moment and its unit of time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batteries_apiserver.projections.leaving_views import leaving
from batteries_apiserver.projections.leaving_views import message as said_to_who_leaves
from batteries_apiserver.projections.message import message, state_of
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339

CREATED, BEGUN, READY_AT, CHANGED = (f"2026-11-24T0{hour}:00:00Z" for hour in (8, 7, 6, 9))
SUSPENDED = {"suspended": True}


def condition(kind: str, status: str = "True", reason: str = "R", at: str = READY_AT) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": at}


def account(status: dict[str, Any], spec: dict[str, Any] | None = None, **meta: Any) -> AwsAccount:
    metadata = {"name": "acme", "namespace": "n", "creationTimestamp": CREATED, "generation": 2, **meta}
    return AwsAccount.model_validate(
        {"metadata": metadata, "spec": {"customerRef": {"name": "c"}, **(spec or {})}, "status": status}
    )


ACTIVE = {"phase": "active", "observedGeneration": 2, "conditions": [condition("Provisioned")]}
AT_ROLE = {"phase": "creating", "provisioningStep": "wait_for_role"}
STARTED = {"timestamp": BEGUN, "step": "wait_for_role", "status": "started"}
ROUND = {
    "deleted": (account(ACTIVE, deletionTimestamp=CHANGED), "The account is being deleted (", CHANGED),
    "ready": (account(ACTIVE), "The account has been ready to use for {}.", READY_AT),
    "ready since it was made": (account(ACTIVE | {"conditions": []}), "The account has been ready", CREATED),
    "reconciling": (
        account(ACTIVE | {"conditions": [condition("Provisioned"), condition("Reconciling", at=CHANGED)]}),
        "The account is ready to use; a change to it is being applied (",
        CHANGED,
    ),
    "not seen yet": (account(ACTIVE | {"observedGeneration": 1}), "The account is ready to use; a change", READY_AT),
    "without single sign-on": (
        account(
            ACTIVE
            | {
                "conditions": [
                    condition("Provisioned"),
                    condition("SSOAssigned", "False", "EmailNotConfirmed", at=CHANGED),
                ]
            }
        ),
        "The account has been ready to use for {}, except for single sign-on",
        READY_AT,
    ),
    "single sign-on waits for something else": (
        account(ACTIVE | {"conditions": [condition("Provisioned"), condition("SSOAssigned", "False", "Other")]}),
        "The account has been ready to use for {}.",
        READY_AT,
    ),
    "a step that has begun": (account(AT_ROLE | {"history": [STARTED]}), "Waiting until AWS gives access", BEGUN),
    "another step has begun": (
        account(AT_ROLE | {"history": [STARTED | {"step": "check_status"}, STARTED | {"status": "succeeded"}]}),
        "Waiting until AWS gives access",
        CREATED,
    ),
    "failed": (
        account({"phase": "failed", "conditions": [condition("Ready", "False", "Other", at=CHANGED)]}),
        "The account could not be provisioned; error says why.",
        CHANGED,
    ),
    "gone": (
        account({"phase": "failed", "conditions": [condition("Ready", "False", "AccountGone", at=CHANGED)]}),
        "The AWS account is closed or has left the organization",
        CHANGED,
    ),
    "being resumed": (account({"phase": "suspended"}), "The account is being resumed (", CREATED),
    "being suspended": (account({"phase": "active"}, SUSPENDED), "The account is being suspended (", CREATED),
    "suspended": (account({"phase": "suspended"}, SUSPENDED), "The account has been suspended for {}.", CREATED),
}


@pytest.mark.parametrize(("given", "begins", "since"), ROUND.values(), ids=ROUND)
def test_each_state_has_its_sentence_and_its_moment(given: AwsAccount, begins: str, since: str) -> None:
    text, moment = state_of(given)
    assert text.startswith(begins)
    assert moment is not None
    assert to_rfc3339(moment) == since
    assert text.count("{}") == 1
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 seconds"),
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (119, "1 minute"),
        (120, "2 minutes"),
        (3_599, "59 minutes"),
        (3_600, "1 hour"),
        (86_399, "23 hours"),
        (86_400, "1 day"),
        (3 * 86_400, "3 days"),
    ],
)
def test_a_duration_is_said_in_the_largest_unit_that_fits(seconds: int, said: str) -> None:
    now = datetime(2026, 11, 24, 6, tzinfo=UTC) + timedelta(seconds=seconds)
    assert message(account(ACTIVE), now) == f"The account has been ready to use for {said}."


CLOSING = {"closeAt": "2026-12-01T00:00:00Z"}


def test_who_leaves_is_told_when_aws_closes_the_account_and_what_keeps_it() -> None:
    given = account({"phase": "suspended", "awsAccountId": "123456789012"}, CLOSING)
    view = leaving(given)
    assert (view["awsAccountId"], view["closesAt"]) == ("123456789012", "2026-12-01T00:00:00Z")
    assert "closedAt" not in view
    assert "AWS closes it at 2026-12-01T00:00:00Z." in view["message"]
    assert "resume keeps it" in view["message"]
    assert "AWS closes it at 2026-12-01T00:00:00Z." in message(given)


def test_who_only_suspends_is_told_that_what_runs_goes_on_and_who_resumes_that_it_opens() -> None:
    told = said_to_who_leaves(account({"phase": "active"}, SUSPENDED))
    assert "its content is kept" in told
    assert "AWS closes it" not in told
    assert "  " not in told
    assert said_to_who_leaves(account({"phase": "suspended"})).startswith("Nothing suspends the account.")


def test_a_closed_account_says_until_when_it_can_be_reopened_and_by_whom() -> None:
    status = {"phase": "suspended", "closedAt": "2026-11-01T00:00:00Z", "awsAccountId": "123456789012"}
    view = leaving(account(status, CLOSING))
    assert (view["closedAt"], view["reopenableUntil"]) == ("2026-11-01T00:00:00Z", "2027-01-30T00:00:00Z")
    assert "closesAt" not in view
    for said in ("AWS account 123456789012 was closed on 2026-11-01T00:00:00Z", "until 2027-01-30T00:00:00Z"):
        assert said in view["message"]
    text, moment = state_of(account(status, CLOSING))
    assert text == (
        "The AWS account has been closed for {}. Only AWS Support can reopen it, until 2027-01-30T00:00:00Z."
    )
    assert moment is not None
    assert to_rfc3339(moment) == "2026-11-01T00:00:00Z"
