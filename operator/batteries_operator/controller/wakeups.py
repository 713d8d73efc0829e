"""Wakes accounts that wait: a slot is free, AWS is done, or somebody changed the spec."""

import asyncio


class Wakeups:
    """One asyncio.Event for each driven account, set when its next reconcile should begin at once."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def of(self, uid: str) -> asyncio.Event:
        """The account's event."""
        return self._events.setdefault(uid, asyncio.Event())

    def __len__(self) -> int:
        """The number of driven accounts."""
        return len(self._events)

    def __contains__(self, uid: str) -> bool:
        """Whether the account is driven."""
        return uid in self._events

    def wake(self, uid: str) -> None:
        """Wakes the account, if it is driven."""
        if uid in self._events:
            self._events[uid].set()

    def forget(self, uid: str) -> None:
        """Drops the account, which is not driven any more."""
        self._events.pop(uid, None)
