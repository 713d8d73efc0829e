"""Counts of requests in fixed windows: in this process, bounded, at a cost that does not grow with the callers.

A store that walks over all counts at each request, as that of the `limits` library does, is a gift to whoever comes
from many addresses. This one forgets the oldest window first when it is full. Time is the monotonic clock's: when the
wall clock is set back by an hour, a window of a minute must not last an hour.
"""

import time
from collections import OrderedDict
from collections.abc import Callable


class FixedWindows:
    """Fixed windows, each beginning with its first request."""

    def __init__(self, *, size: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def incr(self, key: str, seconds: int) -> tuple[int, float]:
        """Counts, and says how many it were in this window, and how many seconds are left of it."""
        count, until = self._windows.get(key, (0, 0.0))
        now = self._clock()
        if until <= now:
            self._windows.pop(key, None)  # the new window is the youngest
            count, until = 0, now + seconds
        self._windows[key] = (count + 1, until)
        if len(self._windows) > self._size:
            self._windows.popitem(last=False)
        return count + 1, until - now

    def get(self, key: str) -> int:
        """How many it were in this window."""
        count, until = self._windows.get(key, (0, 0.0))
        return count if until > self._clock() else 0

    def reset(self) -> int:
        """Forgets everything; how many windows it were."""
        count = len(self._windows)
        self._windows.clear()
        return count
