"""Request counts in fixed windows: in memory, bounded, at a cost that does not grow with the number of callers.

A store that walks over all counts at each request, as the `limits` library's does, helps an attacker who has many
addresses. This one drops the oldest window when it is full. It uses the monotonic clock: if the wall clock is set
back by an hour, a window of a minute must not last an hour.
"""

import time
from collections import OrderedDict
from collections.abc import Callable


class FixedWindows:
    """Fixed windows; each starts with its first request."""

    def __init__(self, *, size: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def incr(self, key: str, seconds: int) -> tuple[int, float]:
        """Counts one request. Returns the count in this window and the seconds until the window ends."""
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
        """Returns the count in this window."""
        count, until = self._windows.get(key, (0, 0.0))
        return count if until > self._clock() else 0

    def reset(self) -> int:
        """Drops all windows and returns how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count
