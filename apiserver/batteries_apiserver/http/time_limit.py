"""How long a request may take, and how a stream, which takes as long as its reader stays, is let off.

One task looks at all requests now and then. A timer for each, as asyncio.timeout sets it, took as long as a whole read
of an account, and nearly every one is cancelled before it rings.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from batteries_apiserver.runtime.background import in_background

_LOOKS = 20
"""In the time that a request may take: it is given up at most a twentieth later."""


class TimeLimits:
    """The tasks that answer requests now, the oldest first, and those that were given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[object], float] = {}
        self._given_up: set[asyncio.Task[object]] = set()

    def begin(self, task: asyncio.Task[object], now: float) -> None:
        """The task answers a request since `now` (time.monotonic)."""
        self._begun[task] = now

    def begin_anew(self, task: asyncio.Task[object]) -> None:
        """Its time begins now, if it has any limit."""
        if task in self._begun:
            self._begun[task] = time.monotonic()

    def lift(self, task: asyncio.Task[object]) -> None:
        """From now on its request may take for ever."""
        self._begun.pop(task, None)

    def end(self, task: asyncio.Task[object]) -> bool:
        """Its request is over; whether that is because it took too long."""
        self._begun.pop(task, None)
        if task not in self._given_up:
            return False
        self._given_up.discard(task)
        return True

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Gives up, while the block runs, what takes too long."""
        async with in_background(self._watch(), "time limits"):
            yield

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / _LOOKS)
            longest = time.monotonic() - self._seconds
            for task in [task for task, begun in self._begun.items() if begun <= longest]:
                del self._begun[task]
                self._given_up.add(task)
                task.cancel()


async def limits_watched(app: web.Application) -> AsyncIterator[None]:
    """For the application's lifetime."""
    async with app[TIME_LIMITS].watched():
        yield


TIME_LIMITS = web.AppKey("time limits", TimeLimits)


def begin_time_limit_anew(request: web.Request) -> None:
    """The time that the request may take begins now: its body has come."""
    request.app[TIME_LIMITS].begin_anew(request.task)


def lift_time_limit(request: web.Request) -> None:
    """From now on the request may take for ever."""
    request.app[TIME_LIMITS].lift(request.task)
