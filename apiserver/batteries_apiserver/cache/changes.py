"""Wakes requests that wait for an account to change, so that none has to poll. At shutdown it wakes all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from batteries_crds.aws_account import AwsAccount


class AccountChanges:
    """The waiters of each account, by `namespace/name`."""

    def __init__(self) -> None:
        self.stopping = False
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        account = after or before
        if account is not None:
            for event in self._waiting.get(account.key, ()):
                event.set()

    def stop(self) -> None:
        """The server is shutting down: wakes all waiters, so that they respond with the state they know."""
        self.stopping = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    @contextmanager
    def of(self, key: str) -> Iterator[asyncio.Event]:
        """Yields an event that is set at each change of the account; clear it before reading the account."""
        event = asyncio.Event()
        if self.stopping:
            event.set()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]
