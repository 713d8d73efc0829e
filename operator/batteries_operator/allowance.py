"""What AWS allows of one operation: so many calls a second, and a few at once after a pause. A token bucket."""

import asyncio
import math


class Allowance:
    """How much of it is used up. Times are the event loop's, in seconds."""

    def __init__(self, between: float, at_once: int = 1) -> None:
        """Calls `between` seconds apart, and `at_once` of them together where there were none for long enough."""
        self._between = between
        self._ahead = (at_once - 1) * between
        self._whole_at = -math.inf
        """From when on all of it may be used at once."""

    @property
    def free_at(self) -> float:
        """When there is room for a call; that may have been long ago."""
        return self._whole_at - self._ahead

    @property
    def is_free(self) -> bool:
        """Whether there is room for a call now."""
        return self.free_at <= asyncio.get_running_loop().time()

    def take(self, calls: int = 1) -> None:
        """So many calls are made, whether there is room for them or not."""
        self._whole_at = max(self._whole_at, asyncio.get_running_loop().time()) + calls * self._between

    def put_off(self, seconds: float) -> None:
        """AWS is busy: no call before so many seconds have passed."""
        self._whole_at = max(self._whole_at, asyncio.get_running_loop().time() + seconds + self._ahead)
