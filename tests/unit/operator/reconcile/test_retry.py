"""A step that was given up is tried again when the retry annotation's value changes, and only then."""

from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.names import ANNOTATION_RETRY, Phase
from batteries_operator.status.pending import is_out_of_date, runnable
from batteries_operator.status.transitions import apply_outcome, begin, summarize
from batteries_operator.steps.outcome import Fail
from batteries_operator.steps.pipeline import PROVISIONING

FIRST = PROVISIONING[0]


def account(retry: str | None, status: Any = None) -> AwsAccount:
    metadata = {"name": "a", "namespace": "n", "generation": 1}
    annotations = {} if retry is None else {ANNOTATION_RETRY: retry}
    made = AwsAccount.model_validate(
        {"metadata": {**metadata, "annotations": annotations}, "spec": {"email": "a@example.com"}}
    )
    return made if status is None else made.model_copy(update={"status": status})


def given_up(retry: str | None) -> AwsAccount:
    now = utc_now()
    begun = begin(PROVISIONING, account(retry), FIRST, now)
    return summarize(PROVISIONING, apply_outcome(PROVISIONING, begun, FIRST, Fail("Refused", "Mend it."), now), now)


@pytest.mark.parametrize("before", [None, "2026-11-24T08:00:00Z", "x" * 1000])
def test_what_was_given_up_stays_so_while_the_annotation_does(before: str | None) -> None:
    failed = given_up(before)
    assert failed.status.phase is Phase.FAILED
    assert runnable(PROVISIONING, failed) == []
    assert not is_out_of_date(PROVISIONING, failed)


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("1", "2"), ("1", None)])
def test_another_value_asks_for_one_more_try(before: str | None, after: str | None) -> None:
    asked = account(after, given_up(before).status)
    assert is_out_of_date(PROVISIONING, asked)
    assert runnable(PROVISIONING, asked) == [FIRST]
    again = begin(PROVISIONING, asked, FIRST, utc_now())
    assert [event.status for event in again.status.history] == ["started", "failed", "started"]
    assert summarize(PROVISIONING, again, utc_now()).status.phase is Phase.PENDING
    failed = apply_outcome(PROVISIONING, again, FIRST, Fail("Refused", "Mend it."), utc_now())
    assert runnable(PROVISIONING, failed) == [], "one try, not one after another"


def test_a_status_of_an_earlier_release_is_not_tried_again_by_itself() -> None:
    failed = given_up(None)
    wire = failed.status.to_wire()
    assert "gaveUpRetry" not in wire["steps"][FIRST.name]
    assert runnable(PROVISIONING, account(None, type(failed.status).model_validate(wire))) == []
