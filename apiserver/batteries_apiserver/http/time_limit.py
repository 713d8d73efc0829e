"""The time limit of a request; streams, which last as long as the client reads, are exempt.

One task checks all requests periodically. A timer for each request, as asyncio.timeout sets it, took as long as
reading an account, and nearly every one is cancelled before it fires.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from batteries_apiserver.runtime.background import in_background

_CHECKS = 20
"""How often requests are checked within one time limit: a request is cancelled at most a twentieth too late."""


class TimeLimits:
    """The tasks that handle requests now, the oldest first, and those that were cancelled."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[object], float] = {}
        self._cancelled: set[asyncio.Task[object]] = set()

    def begin(self, task: asyncio.Task[object], now: float) -> None:
        """The task has been handling a request since `now` (time.monotonic)."""
        self._begun[task] = now

    def restart(self, task: asyncio.Task[object]) -> None:
        """Starts its time again, if it has a limit."""
        if task in self._begun:
            self._begun[task] = time.monotonic()

    def lift(self, task: asyncio.Task[object]) -> None:
        """Removes the task's time limit."""
        self._begun.pop(task, None)

    def end(self, task: asyncio.Task[object]) -> bool:
        """The task's request has ended. Returns whether it was cancelled for taking too long."""
        self._begun.pop(task, None)
        if task not in self._cancelled:
            return False
        self._cancelled.discard(task)
        return True

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Cancels requests that take too long, while the block runs."""
        async with in_background(self._watch(), "time limits"):
            yield

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / _CHECKS)
            longest = time.monotonic() - self._seconds
            for task in [task for task, begun in self._begun.items() if begun <= longest]:
                del self._begun[task]
                self._cancelled.add(task)
                task.cancel()


async def limits_watched(app: web.Application) -> AsyncIterator[None]:
    """Enforces the time limits for the application's lifetime."""
    async with app[TIME_LIMITS].watched():
        yield


TIME_LIMITS = web.AppKey("time limits", TimeLimits)


def restart_time_limit(request: web.Request) -> None:
    """Starts the request's time again: its body has arrived."""
    request.app[TIME_LIMITS].restart(request.task)


def lift_time_limit(request: web.Request) -> None:
    """Removes the request's time limit."""
    request.app[TIME_LIMITS].lift(request.task)
