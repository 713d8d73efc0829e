"""Closures of accounts: requested, done a while later, and counted over a rolling month.

Organizations API reference, CloseAccount, and Organizations quotas page. The account is PENDING_CLOSURE meanwhile;
afterwards it stays in every list, and its e-mail address stays taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from batteries_sandbox.aws.settings import StandinSettings

_MOST = 1000  # closures in a window, however large the organization


@dataclass(slots=True)
class Closures:
    """Every closure that is in progress or still counts."""

    settings: StandinSettings
    _pending: list[tuple[float, Any]] = field(default_factory=list)
    _requested: list[float] = field(default_factory=list)

    def add(self, account: Any, now: float) -> None:
        """Starts a closure."""
        account.status = account.state = "PENDING_CLOSURE"
        self._requested.append(now)
        self._pending.append((now + self.settings.closure_seconds, account))

    def settle(self, now: float) -> None:
        """Ends every closure that is due."""
        for due, account in [entry for entry in self._pending if entry[0] <= now]:
            self._pending.remove((due, account))
            account.status = account.state = self.settings.closed_state

    def forget(self, account: Any) -> None:
        """Cancels the account's closure, as when AWS Support reopens it."""
        self._pending = [entry for entry in self._pending if entry[1] is not account]

    @property
    def in_progress(self) -> int:
        """How many closures are in progress."""
        return len(self._pending)

    def quota_is_used_up(self, members: int, now: float) -> bool:
        """Whether as many accounts were closed as a window allows."""
        since = now - self.settings.closure_window_seconds
        self._requested = [requested for requested in self._requested if requested > since]
        return len(self._requested) >= min(_MOST, max(self.settings.max_closures, members // 5))
