"""How soon AWS is asked again: soon at first, then a share of the wait so far, and never seldom."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from batteries_crds.base import utc_now
from batteries_crds.conditions import Condition, ConditionStatus
from batteries_operator.steps.polling import SHARE, SHORTEST, first_pause, pause


def scope(waited: float | None, poll_seconds: float = 2.0) -> Any:
    said = []
    if waited is not None:
        since = utc_now() - timedelta(seconds=waited)
        said.append(
            Condition(type="RoleReady", status=ConditionStatus.FALSE, reason="Waits", last_transition_time=since)
        )
    account = SimpleNamespace(status=SimpleNamespace(conditions=said))
    return SimpleNamespace(account=account, tools=SimpleNamespace(settings=SimpleNamespace(poll_seconds=poll_seconds)))


@pytest.mark.parametrize(
    ("waited", "seconds"), [(None, SHORTEST), (0, SHORTEST), (10, 10 * SHARE), (30, 30 * SHARE), (600, 2.0)]
)
def test_the_longer_it_takes_the_seldomer_it_is_asked_for(waited: float | None, seconds: float) -> None:
    assert pause(scope(waited), "RoleReady") == pytest.approx(seconds, abs=0.01)


def test_the_setting_is_the_longest_pause_from_the_start() -> None:
    assert first_pause(scope(None, 0.05)) == pause(scope(0, 0.05), "RoleReady") == 0.05
