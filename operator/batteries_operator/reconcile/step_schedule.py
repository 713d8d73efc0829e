"""When each step of an account is due again: its backoff after errors, its wait otherwise.

What is remembered from one reconcile to the next is here; losing it costs one poll that comes too early.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

FIRST_SECONDS = 0.5
"""The longest pause after a first error."""

SLACK_SECONDS = 0.005
"""A step this close to being due is due: a timer may ring a little early."""


def backoff(errors_in_a_row: int, longest: float) -> float:
    """Seconds until the next try: doubling from a half, with jitter, so that many accounts don't come at once.

    The commonest error is the first one, of something just made that AWS doesn't know everywhere yet: a moment later
    it does.
    """
    return float(min(longest, FIRST_SECONDS * 2.0 ** min(errors_in_a_row, 16)) * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret


class StepSchedule:
    """Of one account: how often in a row each step met an error, and when each that waits is due again."""

    def __init__(self) -> None:
        self._errors: Counter[str] = Counter()
        self._due: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._at_work_since: dict[str, float | None] = {}

    def errors(self, step: str) -> int:
        """Its errors in a row."""
        return self._errors[step]

    def count(self, step: str, *, error: bool) -> int:
        """Counts its last try; its errors in a row since."""
        self._errors[step] = self._errors[step] + 1 if error else 0
        return self._errors[step]

    def end(self, step: str) -> None:
        """Records when this attempt ended; its backoff starts here."""
        self._ended[step] = asyncio.get_running_loop().time()

    def postpone(self, step: str, seconds: float) -> None:
        """It is not due for so long after its end, unless somebody hurries."""
        self._due[step] = self._ended.get(step, asyncio.get_running_loop().time()) + seconds

    def note(self, step: str, *, at_work: bool) -> None:
        """What it waits for: that AWS ends what it is `at_work` on, or first for a slot or a trouble's end."""
        if not at_work:
            self._at_work_since[step] = None
        elif self._at_work_since.get(step, 0.0) is None:
            self._at_work_since[step] = asyncio.get_running_loop().time()

    def at_work_for(self, step: str) -> float | None:
        """Seconds since AWS is at work on it; None where it has waited for nothing else before."""
        since = self._at_work_since.get(step)
        return None if since is None else asyncio.get_running_loop().time() - since

    def is_due(self, step: str) -> bool:
        """Whether it may be tried now."""
        return self._left(step) <= SLACK_SECONDS

    def until_due(self, steps: Iterable[str]) -> float | None:
        """Seconds until the first of them is due; None where there is none."""
        return min((max(self._left(step), 0.0) for step in steps), default=None)

    def make_all_due(self) -> None:
        """Something has changed: every step is due."""
        self._due.clear()

    def _left(self, step: str) -> float:
        return self._due.get(step, 0.0) - asyncio.get_running_loop().time()
