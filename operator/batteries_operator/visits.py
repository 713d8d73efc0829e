"""The visits under way: counted for Prometheus, and watched for one that never ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from batteries_operator.metrics import RECONCILE_SECONDS, RECONCILES_ACTIVE

Line = asyncio.Lock | asyncio.Semaphore


@dataclass(slots=True, eq=False)
class _Visit:
    account: str
    clock: Callable[[], float]
    at_work_since: float
    """Its beginning, or when it last stood first in a line."""
    lines: int = 0
    """In how many lines it stands: steps side by side stand in several."""


_current: ContextVar[_Visit | None] = ContextVar("visit", default=None)


class Visits:
    """Which accounts are being visited, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: set[_Visit] = set()

    @contextmanager
    def visit(self, account: str) -> Iterator[None]:
        """One visit to `account`, which its name says to people."""
        begun = self._clock()
        visit = _Visit(account, self._clock, begun)
        self._under_way.add(visit)
        RECONCILES_ACTIVE.set(len(self._under_way))
        before = _current.set(visit)
        try:
            yield
        finally:
            _current.reset(before)
            self._under_way.discard(visit)
            RECONCILES_ACTIVE.set(len(self._under_way))
            RECONCILE_SECONDS.observe(self._clock() - begun)

    def standstill(self, longest: float) -> str | None:
        """A sentence where a visit has been at work for more than `longest` seconds; None where all is well.

        A visit never waits for AWS's asynchronous work, and each of its calls has a time limit, so it takes seconds.
        Its time in line does not count: a thousand that are suspended at once wait for each other, and where the line
        stands still, the one at its head is at work.
        """
        at_work = [visit for visit in self._under_way if not visit.lines]
        if not at_work:
            return None
        oldest = min(at_work, key=lambda visit: visit.at_work_since)
        lasted = self._clock() - oldest.at_work_since
        if lasted <= longest:
            return None
        return f"A visit to {oldest.account} has not gone on for {lasted:.0f} s; restart the operator, nothing is lost."


@asynccontextmanager
async def in_turn(line: Line) -> AsyncIterator[None]:
    """Holds `line`, for which others wait; the wait for it is no standstill of the visit that is under way here."""
    visit = _current.get()
    if visit is not None:
        visit.lines += 1
    try:
        await line.acquire()
    finally:
        if visit is not None:
            visit.lines -= 1
            visit.at_work_since = visit.clock()
    try:
        yield
    finally:
        line.release()
