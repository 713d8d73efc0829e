"""Wakes whoever waits for an account to change: nobody polls, and at the end of the process nobody is left waiting."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from batteries_crds.aws_account import AwsAccount


class AccountChanges:
    """Who waits for which account, by `namespace/name`."""

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
        """The server is going: whoever waits shall answer with what it knows."""
        self.stopping = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    @contextmanager
    def of(self, key: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change of the account; whoever uses it clears it before looking."""
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
