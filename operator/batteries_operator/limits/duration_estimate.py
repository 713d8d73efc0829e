"""Estimates from recent durations how long AWS takes, and so when a first poll is worth a call.

Without it each account would be polled every half second from the beginning. All polls but the last would be useless,
and they count towards AWS's rates for all accounts together.
"""

import asyncio
from collections import deque

from batteries_operator.limits.polling import next_poll_delay

REMEMBERED = 20
"""How many recent durations are kept."""

EARLY = 0.8
"""The fraction of the shortest recent duration after which the first poll comes.

We learn durations only by polling, so poll a little early to let the estimate shrink.
"""


NEAR = 0.05
"""Within this fraction of a recent duration the end is expected, and polled for closely."""

CLOSE_SECONDS = 0.1
"""Between two such polls, whoever they are for. Identity Center takes twenty calls a second, and a poll may be two."""


SLACK_SECONDS = 0.01
"""Timers may fire a little early."""


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

    def next_poll_delay(self, key: str, shortest: float, longest: float) -> float | None:
        """Seconds until the poll for `key` after the one that has just shown it in progress; None if it is not known.

        That is a tenth of its age, as always, but not past the moment at which a recent one had ended.
        """
        if key not in self._begun:
            return None
        age = _now() - self._begun[key]
        regular = next_poll_delay(age, shortest, longest)
        if self.is_near_end(key):
            return min(regular, self._close_poll_delay(key, age))
        later = (lasted * (1 - NEAR) - age for lasted in self._lasted)
        return min((regular, *(seconds for seconds in later if seconds > 0)))

    def _close_poll_delay(self, key: str, age: float) -> float:
        """Seconds until the next close poll: the moment itself at which a recent one had ended, if that is near.

        A poll right before it would only be under way then.
        """
        took, between = _now() - self._looked[key], CLOSE_SECONDS * len(self._begun)
        soonest = max(between - took, 0.0)
        ends = (lasted - age for lasted in self._lasted)
        return min((end for end in ends if soonest <= end <= soonest + max(between, took)), default=soonest)

    def is_near_end(self, key: str) -> bool:
        """Whether about as much time has passed as a recent one took."""
        if key not in self._begun:
            return False
        age = _now() - self._begun[key]
        return any(abs(age - lasted) <= lasted * NEAR + SLACK_SECONDS for lasted in self._lasted)

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
