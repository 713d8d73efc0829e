"""Estimates how long AWS will be at work on something, by recent durations: when a first poll is worth a call.

Without it each account would be looked at every half second from the beginning, of which all looks but the last are
in vain, and count towards AWS's rates for all accounts together.
"""

import asyncio
from collections import deque

REMEMBERED = 20
"""Times of late that are remembered."""

EARLY = 0.8
"""The part of the shortest of them after which the first poll comes. We learn durations only by polling, so poll a
little early to let the estimate shrink."""


class DurationEstimate:
    """One kind of work. Keys are AwsAccount UIDs; what is remembered is lost with the process, and that costs looks."""

    def __init__(self) -> None:
        self._lasted: deque[float] = deque(maxlen=REMEMBERED)
        self._begun: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    def first_poll_delay(self, key: str, longest: float) -> float | None:
        """AWS is at work for `key`: seconds until the first look; None for each later one, or where none is known.

        Never more than `longest`: after an outage of an hour all that is remembered may be an hour.
        """
        if key in self._begun:
            return None
        self._begun[key] = self._looked[key] = _now()
        return min(longest, EARLY * min(self._lasted)) if self._lasted else None

    def polled(self, key: str) -> None:
        """A look is about to be made: if AWS is seen to have ended, it had by now, however long it takes to answer."""
        if key in self._begun:
            self._looked[key] = _now()

    def ended(self, key: str) -> None:
        """AWS was seen to have ended it."""
        if key in self._begun:
            self._lasted.append(self._looked[key] - self._begun[key])
            self.forget(key)

    def forget(self, uid: str) -> None:
        """It is followed no more, or has failed."""
        self._begun.pop(uid, None)
        self._looked.pop(uid, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
