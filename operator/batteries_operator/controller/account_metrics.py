"""Metrics of accounts: how many are in each phase, and how many are stalled, from the watch's events."""

from collections.abc import Mapping
from typing import Any

from batteries_crds.conditions import STALLED
from batteries_crds.names import Phase
from batteries_operator.runtime.metrics import ACCOUNTS, ACCOUNTS_STALLED


class AccountMetrics:
    """Every account's phase, and whether it is stalled, by UID."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, bool]] = {}
        for phase in Phase:
            ACCOUNTS.labels(phase).set(0)
        ACCOUNTS_STALLED.set(0)

    def update(self, uid: str, status: Mapping[str, Any]) -> None:
        """Counts an account by its raw status, which costs less than a model for each event."""
        conditions = status.get("conditions", ())
        stalled = any(each["type"] == STALLED and each["status"] == "True" for each in conditions)
        now = (str(status.get("phase", Phase.PENDING)), stalled)
        if self._known.get(uid) != now:
            self.forget(uid)
            self._known[uid] = now
            self._count(now, 1)

    def forget(self, uid: str) -> None:
        """Takes an account that is gone out of the counts."""
        before = self._known.pop(uid, None)
        if before is not None:
            self._count(before, -1)

    @staticmethod
    def _count(entry: tuple[str, bool], by: int) -> None:
        phase, stalled = entry
        ACCOUNTS.labels(phase).inc(by)
        ACCOUNTS_STALLED.inc(by if stalled else 0)
