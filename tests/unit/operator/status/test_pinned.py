"""Pinned says which of the repositories that AWS admits go by name alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import PINNED, find
from batteries_operator.status.transitions import summarize
from batteries_operator.steps.pipeline import PROVISIONING

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def said(**status: Any) -> tuple[str, str, str] | None:
    """Status, reason and message of the condition."""
    body = {"metadata": {"name": "a", "namespace": "n", "generation": 3}, "spec": {"email": "a@b.co"}, "status": status}
    conditions = summarize(PROVISIONING, AwsAccount.model_validate(body), NOW).status.conditions
    found = find(conditions, PINNED)
    assert found is None or found.observed_generation == 3
    return None if found is None else (found.status, found.reason, found.message)


def test_whether_the_repositories_go_by_ids() -> None:
    assert said(githubRepos=["o@1/r@2"], readOnlyRepos=["p@3/q@4"]) == (
        "True",
        "PinnedByIds",
        "Every repository goes by GitHub's immutable ids.",
    )
    found = said(githubRepos=["o/r", "o@1/r@2"], readOnlyRepos=["o/r", "p/q"])
    assert found is not None
    assert found[:2] == ("False", "KnownByName")
    assert found[2].startswith("By name alone, so that whoever takes the name over gets in: o/r, p/q. Write them as ")


@pytest.mark.parametrize("status", [{}, {"githubRepos": []}, {"githubRepos": [], "readOnlyRepos": []}])
def test_nothing_is_said_while_none_is_admitted(status: dict[str, Any]) -> None:
    before = {"type": "Pinned", "status": "False", "reason": "KnownByName", "lastTransitionTime": NOW}
    assert said(**status, conditions=[before]) is None


def test_a_reader_alone_counts() -> None:
    found = said(readOnlyRepos=["p/q"])
    assert found is not None
    assert found[1] == "KnownByName"
