"""Which creations AWS is still at work on: asked once for all accounts, instead of by each for itself.

AWS takes two DescribeCreateAccountStatus a second and five ListCreateAccountStatus (Organizations quotas, "Throttling
limits"). One list tells about every creation in progress; only what has left it is looked at by itself. Whoever asks
anew wakes the accounts whose creation has ended, so that a place is free for the next as soon as anybody knows.
`follow` does so for all who wait.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from batteries_operator.aws.errors import AwsError
from batteries_operator.pace import until_next_look

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SECONDS = 0.2
"""The least between two lists: AWS's five a second."""

LONGEST = 60.0
"""The most between two lists while anybody waits."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Who is woken when a creation has ended, and since when it is waited for."""

    key: str
    since: float


class UnderWay:
    """The newest list, and who waits for what in it. Keys are AwsAccount UIDs."""

    def __init__(
        self,
        in_progress: Callable[[], Awaitable[frozenset[str]]],
        wake: Callable[[str], None],
        seconds: float = SECONDS,
        longest: float = LONGEST,
    ) -> None:
        self._in_progress = in_progress
        self._wake = wake
        self._seconds = seconds
        self._longest = longest
        self._listed: frozenset[str] = frozenset()
        self._listed_at = -math.inf
        self._waiting: dict[str, _Waiting] = {}
        self._asking = asyncio.Lock()
        self._anybody = asyncio.Event()

    async def has(self, request_id: str, key: str) -> bool:
        """Whether the list has the request; False says nothing, for a request of this moment may not be in it yet.

        Where it has, `key` is woken when it has not any more.

        Raises:
            AwsError: AWS did not tell.
        """
        async with self._asking:
            if _now() - self._listed_at >= self._seconds:
                await self._ask(but_not=request_id)
        if request_id not in self._listed:
            self._waiting.pop(request_id, None)
            return False
        self._waiting.setdefault(request_id, _Waiting(key, _now()))
        self._anybody.set()
        return True

    async def follow(self) -> None:
        """Asks while anybody waits, for ever: often for a creation of this moment, and the more rarely the longer."""
        while await self._anybody.wait():
            youngest = max((each.since for each in self._waiting.values()), default=_now())
            await asyncio.sleep(until_next_look(_now() - youngest, self._seconds, self._longest))
            async with self._asking:
                try:
                    await self._ask()
                except AwsError as error:
                    log.info("which creations are in progress is not known; again soon", error=str(error))

    async def _ask(self, but_not: str = "") -> None:
        self._listed = await self._in_progress()
        self._listed_at = _now()
        for request_id in self._waiting.keys() - self._listed - {but_not}:
            self._wake(self._waiting.pop(request_id).key)
        if not self._waiting:
            self._anybody.clear()
