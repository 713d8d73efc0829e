"""Remembers into which member accounts we have just got, by which role: who has just been inside need not ask again."""

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECONDS = 60.0
"""A role that has answered may be gone later. What follows upon a look comes at once."""

KEPT = 1024


class Entries:
    """The accounts whose role has answered lately: it was assumed, its session is the account's, and AWS took it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def note(self, aws_account_id: str, role: str) -> None:
        """The role of that account has answered."""
        self._seen[aws_account_id, role] = self._clock()
        self._seen.move_to_end((aws_account_id, role))
        while len(self._seen) > KEPT:
            self._seen.popitem(last=False)

    def has(self, aws_account_id: str, role: str) -> bool:
        """Whether it has answered within the last minute."""
        at = self._seen.get((aws_account_id, role))
        return at is not None and self._clock() - at <= KEPT_SECONDS
