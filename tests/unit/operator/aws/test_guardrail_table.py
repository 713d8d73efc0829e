"""The floor of policy, action by action: by the stand-in's evaluator, and by another one that knows nothing of it."""

import pytest
from fakes import guardrails_page, simulated
from fakes.guardrail_table import ROWS, SETTINGS, Row
from fakes.simulated import COLUMNS

from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.partition import AWS
from batteries_sandbox.aws.rules.service_control import refusal_by


def is_allowed(row: Row, column: int) -> bool:
    """What the stand-in says."""
    given = simulated.context(row, column)
    keys = {name.lower(): value if isinstance(value, list) else [value] for name, value in given.items()}
    return refusal_by(reversed(simulated.levels(column)), row.action, [row.resource_in(column)], keys) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.action} {row.note}")
def test_the_stand_in_says_what_the_table_says(row: Row) -> None:
    assert tuple(is_allowed(row, column) for column in COLUMNS) == row.allowed


def test_iam_simulate_says_the_same() -> None:
    record = simulated.recorded()
    assert record["asked"] == simulated.asked(), "the policies or the table changed: run `make simulate`"
    verdicts = iter(record["verdicts"])
    for row in ROWS:
        said = [next(verdicts) for _ in COLUMNS]
        assert tuple(verdict == "Allowed" for verdict, _ in said) == row.allowed, (row.action, row.note, said)
    assert next(verdicts, None) is None


def test_each_rule_denies_something_in_the_table() -> None:
    denying = {sid for _, by in simulated.recorded()["verdicts"] for sid in by}
    every = {rule.sid for guard in guardrails(SETTINGS, AWS).of_the_floor for rule in guard.rules}
    assert every <= denying


def test_the_table_has_sixty_actions_and_as_many_that_are_allowed_as_are_denied() -> None:
    assert len({(row.action, row.note, row.resource) for row in ROWS}) == len(ROWS)
    assert len({row.action for row in ROWS}) >= 60
    assert min(sum(row.here for row in ROWS), sum(not row.here for row in ROWS)) >= 40


def test_the_page_is_current() -> None:
    assert guardrails_page.PAGE.read_text() == guardrails_page.page(), "run `make docs`"
