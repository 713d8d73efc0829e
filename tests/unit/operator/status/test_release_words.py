"""What is told of a deleted account: what is left of it in AWS, and what was not done before it was closed."""

from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator.status.events import of_release

NUMBER = "123456789012"


def told(*conditions: dict[str, Any], number: str | None = NUMBER, policy: str = "Close") -> str:
    account = AwsAccount.model_validate(
        {
            "metadata": {"name": "acme", "namespace": "n"},
            "spec": {"email": "a@example.com", "deletionPolicy": policy},
            "status": {"awsAccountId": number, "conditions": list(conditions)},
        }
    )
    event = of_release(account)
    assert (event.type, event.reason) == ("Normal", "Released")
    return event.message


def condition(kind: str, status: str = "True", message: str = "") -> dict[str, Any]:
    at = "2026-11-24T08:00:00Z"
    return {"type": kind, "status": status, "reason": "R", "message": message, "lastTransitionTime": at}


QUARANTINED, REVOKED = condition("Quarantined"), condition("SSORevoked")


@pytest.mark.parametrize(
    ("conditions", "left"),
    [
        ([QUARANTINED, REVOKED], ""),
        ([QUARANTINED], " Not done before that: single sign-on not revoked."),
        ([REVOKED], " Not done before that: not quarantined."),
        ([condition("Quarantined", "False"), REVOKED], " Not done before that: not quarantined."),
        ([], " Not done before that: not quarantined, single sign-on not revoked."),
    ],
)
def test_what_was_not_done_before_the_closure_is_told(conditions: list[dict[str, Any]], left: str) -> None:
    assert told(*conditions) == f"Let go: AWS account {NUMBER} is closed.{left}"


def test_what_became_of_the_closure_is_told_in_its_own_words() -> None:
    closed = condition("Closed", "False", "It left the organization and was not closed.")
    assert told(closed, QUARANTINED, REVOKED) == "Let go: It left the organization and was not closed."


def test_one_that_was_only_released_stays_and_one_that_was_never_made_leaves_nothing() -> None:
    assert (
        told(policy="Retain") == f"Let go of AWS account {NUMBER}, which stays as it is; nothing manages it any more."
    )
    assert told(number=None) == "AWS made no account, so nothing is left there."
