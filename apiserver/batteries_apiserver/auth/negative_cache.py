"""Remembers unknown keys for a few seconds, so that a client that loops with a bad key does not reach Kubernetes.

Only for seconds: a key made on another replica must work at once, and its owner may have tried it a moment too early.
"""

import time
from collections import OrderedDict
from collections.abc import Callable


class NegativeCache:
    """A bounded set whose members expire after `seconds`; if it is full, the oldest is dropped."""

    def __init__(self, *, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def add(self, value: str) -> None:
        """Adds a member, or renews it."""
        self._until.pop(value, None)
        self._until[value] = self._clock() + self._seconds
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def __contains__(self, value: str) -> bool:
        until = self._until.get(value)
        return until is not None and until > self._clock()
