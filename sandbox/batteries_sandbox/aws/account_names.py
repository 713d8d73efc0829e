"""New names of accounts, which Organizations shows after a while.

Account Management user guide, "Update your AWS account name": a change may take hours until it is seen everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class AccountNames:
    """The names that were given, by account id, and when Organizations shows them on the stand-in's clock."""

    _pending: dict[str, tuple[float, str, Any]] = field(default_factory=dict)

    def give(self, account: Any, name: str, until: float) -> None:
        """Gives the account a new name, which its own service tells at once."""
        self._pending[account.id] = (until, name, account)

    def name_of(self, account: Any) -> str:
        """The name that was given last."""
        pending = self._pending.get(account.id)
        return str(account.name if pending is None else pending[1])

    def settle(self, now: float) -> None:
        """Has Organizations show every name that is due."""
        for account_id, (until, name, account) in list(self._pending.items()):
            if until <= now:
                account.name = name
                del self._pending[account_id]
