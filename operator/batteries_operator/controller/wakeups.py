"""Wakes an account that waits: its slot is free, AWS is done, or somebody changed its spec."""

import asyncio


class Wakeups:
    """One asyncio.Event an account, set when its next reconcile should not wait any longer."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def of(self, uid: str) -> asyncio.Event:
        """The account's event."""
        return self._events.setdefault(uid, asyncio.Event())

    def __len__(self) -> int:
        """Accounts that are driven."""
        return len(self._events)

    def __contains__(self, uid: str) -> bool:
        """Whether anybody drives the account."""
        return uid in self._events

    def wake(self, uid: str) -> None:
        """Wakes whoever drives the account, if anybody does."""
        if uid in self._events:
            self._events[uid].set()

    def forget(self, uid: str) -> None:
        """The account is driven no more."""
        self._events.pop(uid, None)
