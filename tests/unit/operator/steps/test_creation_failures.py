"""After which failures AWS is asked again, and when; all others fail the step for good."""

import pytest

from batteries_operator.limits.polling import next_poll_delay
from batteries_operator.steps.creation_failures import FAILURES

AGAIN = {"INTERNAL_FAILURE": 30, "CONCURRENT_ACCOUNT_MODIFICATION": 30, "PENDING_BUSINESS_VALIDATION": 300}


def test_aws_is_asked_again_only_where_time_may_change_its_answer() -> None:
    found = {code: each.retry_seconds for code, each in FAILURES.items() if each.retry_seconds is not None}
    assert found == AGAIN


def test_every_failure_has_a_reason_of_its_own() -> None:
    reasons = [each.reason for each in FAILURES.values()]
    assert len({*reasons}) == len(reasons)


@pytest.mark.parametrize(
    ("lasted", "seconds"),
    [(0, 0.5), (5, 0.5), (5.1, 0.51), (100, 10), (599, 59.9), (600, 60), (10_000, 60)],
)
def test_the_pause_between_polls_is_a_tenth_of_what_it_lasted_within_its_bounds(lasted: float, seconds: float) -> None:
    assert next_poll_delay(lasted, 0.5, 60) == pytest.approx(seconds)


def test_a_longest_pause_that_is_shorter_than_the_shortest_is_the_shortest() -> None:
    assert next_poll_delay(1000, 5, 1) == 5
    assert next_poll_delay(1000, 0.5, 60, share=0.04) == 40
