"""Estimates from recent durations how long AWS takes, and so when a first poll is worth a call.

Without it each account would be polled every half second from the beginning. All polls but the last would be useless,
and they count towards AWS's rates for all accounts together.
"""

import asyncio
from collections import deque

REMEMBERED = 20
"""How many recent durations are kept."""

EARLY = 0.8
"""The fraction of the shortest recent duration after which the first poll comes.

We learn durations only by polling, so poll a little early to let the estimate shrink.
"""


class DurationEstimate:
    """One kind of work. Keys are AwsAccount UIDs. A restart forgets the durations, which costs some polls."""

    def __init__(self) -> None:
        self._lasted: deque[float] = deque(maxlen=REMEMBERED)
        self._begun: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    def first_poll_delay(self, key: str, longest: float) -> float | None:
        """Seconds until the first poll for `key`; None for each later one, or if no duration is known.

        Never more than `longest`: after an outage of an hour every known duration may be an hour.
        """
        if key in self._begun:
            return None
        self._begun[key] = self._looked[key] = _now()
        return min(longest, EARLY * min(self._lasted)) if self._lasted else None

    def polled(self, key: str) -> None:
        """Notes that a poll begins: if it shows the end, AWS had ended by now, however long the response takes."""
        if key in self._begun:
            self._looked[key] = _now()

    def ended(self, key: str) -> None:
        """Notes that AWS was seen to have ended it."""
        if key in self._begun:
            self._lasted.append(self._looked[key] - self._begun[key])
            self.forget(key)

    def forget(self, uid: str) -> None:
        """Stops measuring it: it is not polled any more, or has failed."""
        self._begun.pop(uid, None)
        self._looked.pop(uid, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
