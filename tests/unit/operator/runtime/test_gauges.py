"""The value that each gauge of the operator has, and the bounds of its histograms."""

import pytest
from prometheus_client import REGISTRY, Histogram

from batteries_operator.controller.account_metrics import AccountMetrics
from batteries_operator.controller.watch_monitor import HEARD_SECONDS, WatchMonitor
from batteries_operator.runtime import metrics


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def of_phase(phase: str) -> float | None:
    return value("batteries_accounts", phase=phase)


def served(namespace: str) -> float | None:
    return value("batteries_watch_up", watched=namespace)


STALLED = [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "True"}]


def test_each_account_is_counted_in_its_phase_until_it_is_gone() -> None:
    counted = AccountMetrics()
    assert {of_phase(each) for each in ("pending", "creating", "active", "failed", "suspended")} == {0}
    counted.update("u-1", {"phase": "creating"})
    counted.update("u-1", {"phase": "creating"})
    counted.update("u-2", {})
    assert (of_phase("creating"), of_phase("pending")) == (1, 1), "without a status it is pending"
    counted.update("u-1", {"phase": "active"})
    assert (of_phase("creating"), of_phase("active")) == (0, 1)
    counted.forget("u-1")
    counted.forget("u-1")
    counted.forget("never seen")
    assert (of_phase("active"), of_phase("pending")) == (0, 1)


def test_an_account_is_stalled_while_the_condition_is_true() -> None:
    counted = AccountMetrics()
    assert value("batteries_accounts_stalled") == 0
    counted.update("u-1", {"phase": "failed", "conditions": STALLED})
    counted.update("u-2", {"phase": "failed", "conditions": [{"type": "Stalled", "status": "False"}]})
    counted.update("u-3", {"phase": "failed", "conditions": [{"type": "Ready", "status": "True"}]})
    assert value("batteries_accounts_stalled") == 1
    counted.update("u-1", {"phase": "failed"})
    assert (value("batteries_accounts_stalled"), of_phase("failed")) == (0, 3)
    counted.update("u-1", {"phase": "failed", "conditions": STALLED})
    counted.forget("u-1")
    assert (value("batteries_accounts_stalled"), of_phase("failed")) == (0, 2)


@pytest.mark.parametrize("namespaces", [[], ["one", "two"]])
def test_a_namespace_is_served_while_its_watch_of_accounts_is_heard(namespaces: list[str]) -> None:
    now = [1000.0]
    monitor = WatchMonitor(namespaces, lambda: now[0])
    monitor.measure()
    first, *others = namespaces or ["*"]
    assert served(first) == 0, "nothing was heard yet"
    monitor.heard(first, "customers")
    assert served(first) == 0, "another kind"
    monitor.heard(first, "awsaccounts")
    assert [served(each) for each in (first, *others)] == [1, *[0 for _ in others]]
    now[0] += HEARD_SECONDS
    assert served(first) == 1
    now[0] += 0.001
    assert served(first) == 0
    monitor.heard(first, "awsaccounts")
    monitor.refused(first, "customers", 403)
    assert served(first) == 1
    monitor.refused(first, "awsaccounts", 403)
    assert served(first) == 0
    monitor.heard(first, "awsaccounts")
    assert served(first) == 1
    assert HEARD_SECONDS == 150


def test_silence_is_told_once_it_lasts_longer_than_allowed() -> None:
    now = [1000.0]
    monitor = WatchMonitor([], lambda: now[0])
    now[0] += 300
    assert monitor.silence(300) is None
    now[0] += 1
    assert "was heard of for 301 s" in str(monitor.silence(300))
    monitor.heard("*", "customers")
    now[0] += 300
    assert monitor.silence(300) is None
    monitor.heard("*", "awsaccounts")
    now[0] += 300
    assert monitor.silence(300) is None, "one that is heard is enough"


@pytest.mark.parametrize(
    ("histogram", "bounds"),
    [
        (metrics.RECONCILE_SECONDS, "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 300"),
        (metrics.AWS_SECONDS.labels("bounds"), "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 300"),
        (metrics.PROVISIONING_SECONDS, "1 5 15 30 60 120 300 600 900 1800 3600 14400 86400"),
        (metrics.STEP_SECONDS.labels("bounds"), "1 5 15 30 60 120 300 600 900 1800 3600 14400 86400"),
    ],
    ids=["reconcile", "aws", "provisioning", "step"],
)
def test_a_duration_is_counted_by_bounds_that_fit_it(histogram: Histogram, bounds: str) -> None:
    """A call of AWS takes seconds, an account minutes, and one in a queue days."""
    (metric,) = histogram.collect()
    found = [float(each.labels["le"]) for each in metric.samples if each.name.endswith("_bucket")]
    assert found == [*map(float, bounds.split()), float("inf")]
