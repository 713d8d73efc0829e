"""When each step of an account is due again: after its backoff, or after its wait.

This is all that one reconcile remembers for the next; losing it costs one poll that comes too early.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

FIRST_SECONDS = 0.5
"""The longest pause after the first error."""

SLACK_SECONDS = 0.005
"""A step that is due in less than this is due: timers may fire a little early."""


def backoff(errors_in_a_row: int, longest: float) -> float:
    """Seconds until the next try: half a second, doubled with each error, with jitter to spread the accounts.

    It starts low because the commonest error is a single one: AWS does not know everywhere yet what was just made.
    """
    return float(min(longest, FIRST_SECONDS * 2.0 ** min(errors_in_a_row, 16)) * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret


class StepSchedule:
    """For one account: each step's errors in a row, and when it is due again."""

    def __init__(self) -> None:
        self._errors: Counter[str] = Counter()
        self._due: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._at_work_since: dict[str, float | None] = {}

    def errors(self, step: str) -> int:
        """The step's errors in a row."""
        return self._errors[step]

    def count(self, step: str, *, error: bool) -> int:
        """Counts the last try; returns the errors in a row."""
        self._errors[step] = self._errors[step] + 1 if error else 0
        return self._errors[step]

    def end(self, step: str) -> None:
        """Records when this attempt ended; its backoff starts here."""
        self._ended[step] = asyncio.get_running_loop().time()

    def postpone(self, step: str, seconds: float) -> None:
        """Makes the step due so many seconds after its last attempt ended, unless `make_all_due` is called."""
        self._due[step] = self._ended.get(step, asyncio.get_running_loop().time()) + seconds

    def note(self, step: str, *, at_work: bool) -> None:
        """Notes whether the step now waits for AWS to finish (`at_work`), or still for a slot or a problem's end."""
        if not at_work:
            self._at_work_since[step] = None
        elif self._at_work_since.get(step, 0.0) is None:
            self._at_work_since[step] = asyncio.get_running_loop().time()

    def at_work_for(self, step: str) -> float | None:
        """Seconds since AWS began to work on it; None if the step has not waited for anything else before."""
        since = self._at_work_since.get(step)
        return None if since is None else asyncio.get_running_loop().time() - since

    def is_due(self, step: str) -> bool:
        """Whether it may be tried now."""
        return self._left(step) <= SLACK_SECONDS

    def until_due(self, steps: Iterable[str]) -> float | None:
        """Seconds until the first of these steps is due; None if there are none."""
        return min((max(self._left(step), 0.0) for step in steps), default=None)

    def make_all_due(self) -> None:
        """Makes every step due, because something has changed."""
        self._due.clear()

    def _left(self, step: str) -> float:
        return self._due.get(step, 0.0) - asyncio.get_running_loop().time()
