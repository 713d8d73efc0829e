"""When nothing is left to do of a closure: by AWS's state of the account, and by what was asked and found before."""

from types import SimpleNamespace
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator.steps import close_account
from batteries_operator.steps.close_account import CLOSED, ENDED_BY_AWS
from batteries_operator.steps.outcome import Done

ACTIVE, NUMBER = "ACTIVE", "123456789012"
ASKED = {"closureRequestedAt": "2026-11-24T08:00:00Z"}
WAS_CLOSED = {**ASKED, "closedAt": "2026-11-24T09:00:00Z"}
DELETED = {"deletionTimestamp": "2026-11-25T08:00:00Z", "finalizers": ["x"]}


def over(state: str | None, status: dict[str, str], **meta: Any) -> Any:
    account = AwsAccount.model_validate(
        {
            "metadata": {"name": "acme", "namespace": "n", **meta},
            "spec": {"email": "a@example.com"},
            "status": {"awsAccountId": NUMBER, **status},
        }
    )
    scope: Any = SimpleNamespace(account=account, aws_account_id=NUMBER)
    return close_account._over(scope, state)


@pytest.mark.parametrize(
    ("state", "status"),
    [(CLOSED, {}), (CLOSED, ASKED), (CLOSED, WAS_CLOSED), (ENDED_BY_AWS, ASKED), (None, WAS_CLOSED)],
)
def test_what_aws_closed_is_closed_since_it_was_asked_for(state: str | None, status: dict[str, str]) -> None:
    outcome = over(state, status)
    assert isinstance(outcome, Done)
    assert (outcome.message, outcome.warns) == (f"AWS account {NUMBER} is closed.", False)
    known = status.get("closedAt") or status.get("closureRequestedAt")
    assert known is None or f"{outcome.facts['closed_at']:%Y-%m-%dT%H:%M:%SZ}" == known


@pytest.mark.parametrize(("state", "status"), [(ACTIVE, {}), (ACTIVE, ASKED), (ENDED_BY_AWS, {})])
def test_what_is_open_or_was_ended_unasked_is_still_to_be_closed(state: str, status: dict[str, str]) -> None:
    assert over(state, status) is None


def test_one_that_left_before_it_was_closed_is_told_as_a_warning() -> None:
    outcome = over(None, ASKED, **DELETED)
    assert isinstance(outcome, Done)
    assert outcome.warns
    assert "has left the organization, so it was not closed" in outcome.message


def test_one_that_was_closed_and_is_open_again_is_not_closed_again() -> None:
    outcome = over(ACTIVE, WAS_CLOSED)
    assert isinstance(outcome, Done)
    assert outcome.warns
    assert outcome.facts["closed_at"] is outcome.facts["closure_requested_at"] is None
