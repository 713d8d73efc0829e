"""A limited number of slots, and a queue before them that serves owners in turn.

AWS's limits are for the whole organization (five accounts in creation, ten assignments), so they are held here over
all accounts and not per account. Waiting costs memory only: who waits is woken when a slot is free.

Where AWS itself says that there is no room, the queue is closed for a while. Then one may try, and only when that one
came through are the others let in again: a thousand accounts that all ask a full organization help nobody.
"""

import asyncio
import bisect
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function after so many seconds."""


def _later(seconds: float, function: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, function)


class Slots:
    """Who holds a slot, and who is next. Keys are AwsAccount UIDs."""

    def __init__(self, capacity: int, wake: Callable[[str], None], later: Later = _later) -> None:
        self._capacity = capacity
        self._wake = wake
        self._later = later
        self._held: set[str] = set()
        # Each owner's line, oldest account first, so that a restart does not shuffle it.
        self._lines: OrderedDict[str, list[tuple[datetime, str]]] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._shut_until_proved = False
        self._room = capacity

    @property
    def held(self) -> int:
        """Places taken."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Keys in line."""
        return len(self._owners)

    @property
    def is_shut(self) -> bool:
        """Whether AWS said that there is no room, and nobody has come through since."""
        return self._shut_until_proved

    def restore(self, key: str) -> None:
        """Gives back a slot held before a restart, even past the capacity: the work is already in AWS."""
        self._drop_from_line(key)
        self._held.add(key)

    def acquire(self, key: str, owner: str, since: datetime) -> bool:
        """Whether `key` has a slot now; if not it is in its owner's queue, by age, and is woken later."""
        if key in self._held:
            return True
        if key not in self._owners:
            self._owners[key] = owner
            bisect.insort(self._lines.setdefault(owner, []), (since, key))
        self._admit(entering=key)
        return key in self._held

    def release(self, key: str) -> None:
        """Frees the slot or the queue position, and admits who is next."""
        self._held.discard(key)
        self._drop_from_line(key)
        self._admit()

    def forget(self, uid: str) -> None:
        """The account is left: as `release`."""
        self.release(uid)

    def finish(self, key: str) -> None:
        """Releases the slot as soon as AWS finishes, before the result is known.

        Where AWS had no room lately the slot is kept: the result says whether anybody else may try.
        """
        if not self.is_shut:
            self.release(key)

    def position(self, key: str) -> int | None:
        """Its queue position, from 1, were nobody to come or go; None where it isn't queued."""
        owner = self._owners.get(key)
        if owner is None:
            return None
        turn = next(index for index, entry in enumerate(self._lines[owner]) if entry[1] == key)
        before = sum(min(len(line), turn) for line in self._lines.values())
        for other, line in self._lines.items():
            if other == owner:
                break
            before += len(line) > turn
        return before + 1

    def refused(self, key: str, owner: str, since: datetime, seconds: float) -> None:
        """AWS has no room for `key`: it goes back into the line, which is shut for so many seconds.

        The round begins again with the owner of the oldest. Everybody in the queue is woken once, to say so.
        """
        self._held.discard(key)
        if key not in self._owners:
            self._owners[key] = owner
            bisect.insort(self._lines.setdefault(owner, []), (since, key))
        self._lines = OrderedDict(sorted(self._lines.items(), key=lambda item: item[1][0]))
        is_new, self._shut_until_proved, self._room = not self._shut_until_proved, True, 0
        self._later(seconds, self._let_one_try)
        if is_new:
            for waiting in list(self._owners):
                self._wake(waiting)

    def proved(self) -> None:
        """Somebody came through: there is room."""
        if self._shut_until_proved:
            self._shut_until_proved, self._room = False, self._capacity
            self._admit()

    def _drop_from_line(self, key: str) -> None:
        owner = self._owners.pop(key, None)
        if owner is not None:
            self._lines[owner] = [entry for entry in self._lines[owner] if entry[1] != key]
            if not self._lines[owner]:
                del self._lines[owner]

    def _let_one_try(self) -> None:
        if self._shut_until_proved:
            self._room = 1
            self._admit()

    def _admit(self, entering: str | None = None) -> None:
        while self._lines and len(self._held) < self._room:
            owner, line = next(iter(self._lines.items()))
            _, key = line.pop(0)
            del self._owners[key]
            # The owner goes to the end of the round, so one with a thousand accounts delays nobody by more than one.
            if line:
                self._lines.move_to_end(owner)
            else:
                del self._lines[owner]
            self._held.add(key)
            if key != entering:
                self._wake(key)
