"""The floor of policy, action by action: by the stand-in's evaluator, and by another one that knows nothing of it."""

import pytest
from fakes import guardrails_page, simulated
from fakes.guardrail_table import ROWS, Row

from batteries_sandbox.aws.policy_document import denies
from batteries_sandbox.aws.rules.service_control import refusal_by

COLUMNS = range(3)


def is_allowed(row: Row, column: int) -> bool:
    """What the stand-in says."""
    keys = {
        name.lower(): value if isinstance(value, list) else [value]
        for name, value in simulated.context(row, column).items()
    }
    levels = reversed(simulated.levels(column))
    return refusal_by(levels, row.action, [row.resource_in(column)], keys) is None


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


def test_the_table_has_what_was_asked_for() -> None:
    assert len({(row.action, row.note) for row in ROWS}) == len(ROWS)
    assert len({row.action for row in ROWS}) >= 60
    denied = sum(not row.here for row in ROWS)
    assert 30 <= denied <= len(ROWS) - 30, "as many that must not be denied"


@pytest.mark.parametrize("statement", [each for level in simulated.levels(0) for policy in level for each in policy["Statement"] if each["Effect"] == "Deny"], ids=lambda each: each["Sid"])
def test_each_rule_denies_a_row_of_the_table(statement: dict) -> None:
    ...


def test_the_page_is_current() -> None:
    assert guardrails_page.PAGE.read_text() == guardrails_page.page(), "run `make docs`"
