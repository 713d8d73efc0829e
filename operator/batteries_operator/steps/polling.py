"""How often AWS is asked whether something asynchronous is done."""

from batteries_crds.base import utc_now
from batteries_crds.conditions import ConditionStatus, find
from batteries_operator.step import Scope

SHORTEST = 0.1

SHARE = 0.05
"""What takes ten seconds is noticed half a second late at most; what takes minutes, `poll_seconds` late."""


def first_pause(scope: Scope) -> float:
    """Seconds until the first look at what was begun just now."""
    return min(SHORTEST, scope.tools.settings.poll_seconds)


def pause(scope: Scope, condition: str) -> float:
    """Seconds until the next look: a share of the time for which the step's condition has said that it waits."""
    said = find(scope.account.status.conditions, condition)
    if said is None or said.status != ConditionStatus.FALSE:
        return first_pause(scope)
    waited = (utc_now() - said.last_transition_time).total_seconds()
    return min(max(waited * SHARE, SHORTEST), scope.tools.settings.poll_seconds)
