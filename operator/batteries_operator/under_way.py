"""Which creations AWS is still at work on: asked once for all accounts, instead of by each for itself.

AWS takes two DescribeCreateAccountStatus a second and five ListCreateAccountStatus (Organizations quotas, "Throttling
limits"), and no look is made before the calls of the one before it are used up at those rates. Whoever looks anew
wakes the accounts whose creation has ended, so that a place is free for the next as soon as anybody knows; `follow`
does so for all who wait.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from batteries_operator.aws.errors import AwsError
from batteries_operator.pace import until_next_look

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BETWEEN_LISTS, BETWEEN_DESCRIPTIONS = 0.2, 0.5
"""The least seconds between two calls: AWS's five and two a second."""

LONGEST = 60.0
"""The most between two looks while anybody waits."""

Listed = tuple[frozenset[str], int]
"""The requests in progress, and how many calls it took to list them: one for each page, empty ones included."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Who is woken when a creation has ended, and since when it is waited for."""

    key: str
    since: float


class UnderWay:
    """What the newest look saw, and who waits for what in it. Keys are AwsAccount UIDs.

    A look is one list, or, where AWS pages through so many old creations that this takes longer at its rates, a
    description of each creation that is waited for.
    """

    def __init__(
        self,
        list_all: Callable[[], Awaitable[Listed]],
        is_in_progress: Callable[[str], Awaitable[bool]],
        wake: Callable[[str], None],
        *,
        between_lists: float = BETWEEN_LISTS,
        between_descriptions: float = BETWEEN_DESCRIPTIONS,
        longest: float = LONGEST,
    ) -> None:
        self._list_all = list_all
        self._is_in_progress = is_in_progress
        self._wake = wake
        self._between_lists = between_lists
        self._between_descriptions = between_descriptions
        self._longest = longest
        self._seen: frozenset[str] = frozenset()
        self._seen_at = -math.inf
        self._pages = 1
        self._rest = between_lists
        self._waiting: dict[str, _Waiting] = {}
        self._asking = asyncio.Lock()
        self._anybody = asyncio.Event()

    async def has(self, request_id: str, key: str) -> bool:
        """Whether the newest look saw the request; False says nothing, for one of this moment may not be in it yet.

        Where it did, `key` is woken when the request has ended.

        Raises:
            AwsError: AWS did not tell.
        """
        async with self._asking:
            if _now() - self._seen_at >= self._rest:
                await self._look(asker=request_id)
        if request_id not in self._seen:
            self._waiting.pop(request_id, None)
            return False
        self._wait(request_id, key)
        return True

    def note(self, request_id: str, key: str) -> None:
        """AWS has just told that the request is in progress: `key` waits for its end."""
        self._seen |= {request_id}
        self._wait(request_id, key)

    async def follow(self) -> None:
        """Looks while anybody waits, for ever: often for a creation of this moment, and the more rarely the longer."""
        while await self._anybody.wait():
            youngest = max((each.since for each in self._waiting.values()), default=_now())
            await asyncio.sleep(until_next_look(_now() - youngest, self._rest, self._longest))
            async with self._asking:
                try:
                    await self._look()
                except AwsError as error:
                    log.info("which creations are in progress is not known; again soon", error=str(error))

    def _wait(self, request_id: str, key: str) -> None:
        self._waiting.setdefault(request_id, _Waiting(key, _now()))
        self._anybody.set()

    async def _look(self, asker: str = "") -> None:
        wanted = sorted({*self._waiting, asker} - {""})
        by_list, by_description = self._pages * self._between_lists, len(wanted) * self._between_descriptions
        if by_list <= by_description:
            self._seen, self._pages = await self._list_all()
            self._rest = self._pages * self._between_lists
        else:
            self._seen = frozenset([each for each in wanted if await self._is_in_progress(each)])
            self._rest = by_description
        self._seen_at = _now()
        for request_id in self._waiting.keys() - self._seen - {asker}:
            self._wake(self._waiting.pop(request_id).key)
        if not self._waiting:
            self._anybody.clear()
