"""The liveness watchdog: which reconciles are running, counted for Prometheus, and whether one hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from batteries_operator.runtime.metrics import RECONCILE_SECONDS, RECONCILES_ACTIVE

Lock = asyncio.Lock | asyncio.Semaphore
T = TypeVar("T")
U = TypeVar("U")


@dataclass(slots=True, eq=False)
class _Work:
    """A reconcile, or one of its steps that run side by side."""

    account: str
    since: float
    """When it began, or last got a lock that it waited for."""
    waits: int = 0
    """How many locks it waits for, or to how many steps it has handed the work."""


class Watchdog:
    """Which accounts are being reconciled, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: set[_Work] = set()

    @contextmanager
    def reconciling(self, account: str) -> Iterator[None]:
        """One reconcile of `account`, named for people."""
        begun = self._clock()
        RECONCILES_ACTIVE.inc()
        try:
            with self.working(account):
                yield
        finally:
            RECONCILES_ACTIVE.dec()
            RECONCILE_SECONDS.observe(self._clock() - begun)

    @contextmanager
    def working(self, account: str) -> Iterator[None]:
        """Watches the work in this block for a standstill."""
        work = _Work(account, self._clock())
        self._under_way.add(work)
        before = _current.set((self, work))
        try:
            yield
        finally:
            _current.reset(before)
            self._under_way.discard(work)

    @contextmanager
    def waiting(self, work: _Work) -> Iterator[None]:
        """In this block others do the work."""
        work.waits += 1
        try:
            yield
        finally:
            work.waits -= 1
            work.since = self._clock()

    def standstill(self, longest: float) -> str | None:
        """A sentence if a reconcile has worked for more than `longest` seconds; None if all is well.

        A reconcile never waits for AWS's asynchronous work, and each of its calls has a time limit, so it takes
        seconds. Time in a queue does not count: a thousand accounts that are suspended at once wait for each other, and
        if the queue stands still, the reconcile at its head counts as working.
        """
        at_work = [work for work in self._under_way if not work.waits]
        if not at_work:
            return None
        oldest = min(at_work, key=lambda work: work.since)
        lasted = self._clock() - oldest.since
        if lasted <= longest:
            return None
        return (
            f"Reconciling {oldest.account} has made no progress for {lasted:.0f} s; "
            "restart the operator, nothing is lost."
        )


_current: ContextVar[tuple[Watchdog, _Work] | None] = ContextVar("work", default=None)
"""The work of this task and the watchdog that watches it; None where nothing is watched, as in the commands."""


@contextmanager
def concurrent_step() -> Iterator[None]:
    """One of several steps of a reconcile, in its own task: it works or waits independently.

    One that hangs must not be hidden by another that progresses, or that is queued behind it.
    """
    current = _current.get()
    if current is None:
        yield
        return
    watchdog, reconcile = current
    with watchdog.waiting(reconcile), watchdog.working(reconcile.account):
        yield


async def both(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Side by side, each watched by itself, and both to their end; raises what the first of them raised."""
    one, other = await asyncio.gather(_watched(first), _watched(second), return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other


async def _watched(work: Coroutine[Any, Any, T]) -> T:
    with concurrent_step():
        return await work


@asynccontextmanager
async def acquired(lock: Lock) -> AsyncIterator[None]:
    """Holds `lock`; the time spent waiting for it does not count as a standstill."""
    current = _current.get()
    if current is None:
        await lock.acquire()
    else:
        watchdog, work = current
        with watchdog.waiting(work):
            await lock.acquire()
    try:
        yield
    finally:
        lock.release()
