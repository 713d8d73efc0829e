"""Which creations AWS is still at work on: looked at for all accounts together, when they are likely to have ended.

AWS takes two DescribeCreateAccountStatus a second and five ListCreateAccountStatus (Organizations quotas, "Throttling
limits"). So a creation is not asked about before the shortest of late would have ended, then the more rarely the
longer it lasts, and no look is made before the calls of the one before it are used up at those rates. Who waits for a
creation that has ended is woken, so that its place is free for the next as soon as anybody knows.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from batteries_operator.aws.errors import AwsError
from batteries_operator.pace import until_next_look

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BETWEEN_LISTS, BETWEEN_DESCRIPTIONS = 0.2, 0.5
"""The least seconds between two calls: AWS's five and two a second."""

LONGEST = 60.0
"""The most seconds between two looks at a creation."""

SHARE = 0.04
"""How late an end may be seen, as a part of the time that it took: of five places that is what may stay empty."""

REMEMBERED = 20
"""Creations whose duration says how long one takes at least."""

Listed = tuple[frozenset[str], int]
"""The requests in progress, and how many calls it took to list them: one for each page, empty ones included."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class _Waiting:
    """Who is woken when a creation has ended, since when it is known, and when it is looked at next."""

    key: str
    since: float
    due: float


class UnderWay:
    """The creations that accounts wait for. Keys are AwsAccount UIDs.

    A look is one list, or a description of each creation that is due, whichever takes less of AWS's rates: of an
    organization that has made thousands of accounts, AWS may page through them all to list the few in progress.
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
        self._pages = 1
        self._rest = between_lists
        self._free_at = -math.inf
        self._lasted: deque[float] = deque(maxlen=REMEMBERED)
        self._waiting: dict[str, _Waiting] = {}
        self._news = asyncio.Event()

    def has(self, request_id: str) -> bool:
        """Whether the request was in progress when it was last looked at; if not, ask AWS yourself."""
        waiting = self._waiting.get(request_id)
        if waiting is not None and _now() > waiting.due + self._longest:
            del self._waiting[request_id]  # nobody looks, or AWS does not tell: whoever asks must not wait for ever
            return False
        return waiting is not None

    def note(self, request_id: str, key: str) -> None:
        """AWS has just told that the request is in progress: `key` is woken when it has ended."""
        now, shortest = _now(), min(self._lasted, default=0.0)
        self._waiting.setdefault(request_id, _Waiting(key, now, now + max(shortest, self._between_lists)))
        self._news.set()

    def lasted(self, seconds: float) -> None:
        """A creation took so long, as AWS counts it; from when we saw it, the shortest would only ever grow."""
        self._lasted.append(seconds)

    async def follow(self) -> None:
        """Looks at each creation when it is due, for ever."""
        while True:
            self._news.clear()
            due = min((each.due for each in self._waiting.values()), default=math.inf)
            pause = max(due, self._free_at) - _now()
            try:
                async with asyncio.timeout(pause if pause < math.inf else None):
                    await self._news.wait()
            except TimeoutError:
                await self.look()

    async def look(self) -> None:
        """Looks at what is due now, and wakes whose creation has ended."""
        due = [request_id for request_id, each in self._waiting.items() if each.due <= _now()]
        if not due:
            return
        by_list, by_description = self._pages * self._between_lists, len(due) * self._between_descriptions
        try:
            if by_list <= by_description:
                seen, self._pages = await self._list_all()
                self._rest = self._pages * self._between_lists
            else:
                seen = frozenset([each for each in due if await self._is_in_progress(each)])
                self._rest = by_description
        except AwsError as error:
            log.info("which creations are in progress is not known; again soon", error=str(error))
            self._free_at = _now() + max(self._rest, self._between_descriptions)
            return
        self._free_at = _now() + self._rest
        for request_id in due:
            self._looked_at(request_id, in_progress=request_id in seen)

    def _looked_at(self, request_id: str, *, in_progress: bool) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is None:  # somebody asked AWS itself while this look was on its way
            return
        if in_progress:
            waiting.due = _now() + until_next_look(_now() - waiting.since, self._rest, self._longest, SHARE)
            return
        del self._waiting[request_id]
        self._wake(waiting.key)
