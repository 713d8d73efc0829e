"""Accounts are counted as the watch tells of them: each once, in the phase it is in now."""

from typing import Any

from prometheus_client import REGISTRY

from batteries_operator.controller.account_metrics import AccountMetrics

STALLED = {"conditions": [{"type": "Stalled", "status": "True"}]}


def counted() -> dict[str, float]:
    phases = ("pending", "creating", "active", "failed", "suspended")
    values: dict[str, Any] = {
        phase: REGISTRY.get_sample_value("batteries_accounts", {"phase": phase}) for phase in phases
    }
    values["stalled"] = REGISTRY.get_sample_value("batteries_accounts_stalled")
    return {name: value for name, value in values.items() if value}


def test_an_account_that_moves_on_is_counted_once() -> None:
    metrics = AccountMetrics()
    metrics.update("1", {})
    metrics.update("2", {"phase": "creating"})
    assert counted() == {"pending": 1, "creating": 1}
    metrics.update("1", {"phase": "creating"})
    metrics.update("1", {"phase": "creating"})
    assert counted() == {"creating": 2}


def test_a_stalled_account_is_counted_until_it_is_mended() -> None:
    metrics = AccountMetrics()
    metrics.update("1", {"phase": "failed"} | STALLED)
    assert counted() == {"failed": 1, "stalled": 1}
    metrics.update("1", {"phase": "active"})
    assert counted() == {"active": 1}


def test_an_account_that_is_gone_counts_no_more() -> None:
    metrics = AccountMetrics()
    metrics.update("1", {"phase": "failed"} | STALLED)
    metrics.forget("1")
    metrics.forget("never seen")
    assert counted() == {}


def test_a_new_leader_counts_from_nothing() -> None:
    AccountMetrics().update("1", {"phase": "active"})
    AccountMetrics()
    assert counted() == {}
