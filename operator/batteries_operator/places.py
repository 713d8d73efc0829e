"""A limited number of places, and a line before them that serves owners in turn.

AWS's limits are for the whole organization (five accounts in creation, ten assignments), so they are held here over
all accounts and not per account. Waiting costs memory only: who waits is woken when a place is free.
"""

from collections import OrderedDict, deque
from collections.abc import Callable


class Places:
    """Who holds a place, and who is next. Keys are AwsAccount UIDs."""

    def __init__(self, capacity: int, wake: Callable[[str], None]) -> None:
        self._capacity = capacity
        self._wake = wake
        self._held: set[str] = set()
        self._lines: OrderedDict[str, deque[str]] = OrderedDict()

    @property
    def held(self) -> int:
        """Places taken."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Keys in line."""
        return sum(len(line) for line in self._lines.values())

    def resume(self, key: str) -> None:
        """Gives back a place held before a restart, even past the capacity: the work is already in AWS."""
        self._held.add(key)

    def enter(self, key: str, owner: str) -> bool:
        """Whether `key` has a place now; if not it stands in its owner's line and is woken later."""
        if key in self._held:
            return True
        line = self._lines.setdefault(owner, deque())
        if key not in line:
            line.append(key)
        self._admit(entering=key)
        return key in self._held

    def leave(self, key: str) -> None:
        """Frees the place or the spot in line, and admits who is next."""
        self._held.discard(key)
        for owner in [owner for owner, line in self._lines.items() if key in line]:
            self._lines[owner].remove(key)
            if not self._lines[owner]:
                del self._lines[owner]
        self._admit()

    def _admit(self, entering: str | None = None) -> None:
        while self._lines and len(self._held) < self._capacity:
            owner, line = next(iter(self._lines.items()))
            key = line.popleft()
            # The owner goes to the end of the round, so one with a thousand accounts delays nobody by more than one.
            if line:
                self._lines.move_to_end(owner)
            else:
                del self._lines[owner]
            self._held.add(key)
            if key != entering:
                self._wake(key)
