"""Polls AWS's account creations, for all accounts together, when they have probably ended.

AWS allows two DescribeCreateAccountStatus a second, two at once after a pause, and five ListCreateAccountStatus a
second (Organizations quotas, "Throttling limits"). So a creation is first polled when the shortest recent one would
have ended, then less often the longer it lasts, and a poll waits until the rate of its kind of call allows it. An
account whose creation has ended is woken, so that its slot is free for the next as soon as we know.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from batteries_crds.base import utc_now_exactly
from batteries_operator.aws.creations import CreationStatus
from batteries_operator.aws.errors import AwsError
from batteries_operator.limits.duration_estimate import REMEMBERED
from batteries_operator.limits.polling import next_poll_delay

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BETWEEN_LISTS, BETWEEN_DESCRIPTIONS = 0.2, 0.5
"""The least seconds between two calls: AWS allows five and two a second."""

SLACK = 0.01
"""How long after its expected end a creation is polled: AWS counts in thousandths, and polling too early costs another
poll.
"""

LONGEST = 60.0
"""The most seconds between two polls of a creation."""

SHARE = 0.04
"""How late an end may be seen, as a fraction of the creation's duration; of five slots that fraction may stay empty."""

Listed = tuple[frozenset[str], int]
"""The requests in progress, and the number of calls that listed them: one for each page, empty ones included."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class _Waiting:
    """The account to wake when the creation has ended, since when the creation is known, and when it is polled next."""

    key: str
    since: float
    due: float


class CreationPoller:
    """The creations that accounts wait for. Keys are AwsAccount UIDs.

    A poll describes the creation that is due first. While AWS throttles that, a poll lists all, if that uses less of
    AWS's rates than describing each: in an organization that has created thousands of accounts, AWS may page through
    all of them to list the few in progress.
    """

    def __init__(
        self,
        list_all: Callable[[], Awaitable[Listed]],
        describe: Callable[[str], Awaitable[CreationStatus]],
        wake: Callable[[str], None],
        *,
        between_lists: float = BETWEEN_LISTS,
        between_descriptions: float = BETWEEN_DESCRIPTIONS,
        longest: float = LONGEST,
    ) -> None:
        self._list_all = list_all
        self._describe = describe
        self._wake = wake
        self._between_lists = between_lists
        self._between_descriptions = between_descriptions
        self._longest = longest
        self._pages = 1
        self._lists_from = self._descriptions_from = -math.inf
        self._lasted: deque[float] = deque(maxlen=REMEMBERED)
        self._waiting: dict[str, _Waiting] = {}
        self._ended: dict[str, tuple[str, CreationStatus]] = {}
        self._changed = asyncio.Event()

    def has(self, request_id: str) -> bool:
        """Whether the request was in progress when it was last polled; if not, ask AWS yourself."""
        waiting = self._waiting.get(request_id)
        if waiting is not None and _now() > waiting.due + self._longest:
            del self._waiting[request_id]  # nobody polls, or AWS does not respond: the caller must not wait for ever
            return False
        return waiting is not None

    def requested(self, creation: CreationStatus, key: str, sent: datetime) -> None:
        """Notes that AWS accepted the request at `sent`.

        If recent creations took no time, nothing is awaited here, and the account asks AWS at once.
        """
        shortest = min(self._lasted, default=0.0)
        if shortest > self._between_descriptions:
            now = utc_now_exactly()
            taken = min(max(creation.requested or now, sent), now)  # by AWS's clock, which may differ from ours
            since = _now() - (now - taken).total_seconds()
            self._wait(creation.request_id, _Waiting(key, since, since + shortest + SLACK))

    def note(self, request_id: str, key: str) -> None:
        """Notes that AWS has just reported the request as in progress: `key` is woken when it has ended."""
        now = _now()
        shortest = min(self._lasted, default=0.0)
        self._wait(request_id, _Waiting(key, now, now + max(shortest, self._between_lists)))

    def lasted(self, seconds: float) -> None:
        """Notes a duration by AWS's clock; measured by when we saw the end, the shortest would only ever grow."""
        self._lasted.append(seconds)

    def outcome(self, request_id: str) -> CreationStatus | None:
        """The creation as AWS reported it when it was seen to have ended, returned once; None if AWS must be asked."""
        _, creation = self._ended.pop(request_id, (None, None))
        return creation

    def forget(self, uid: str) -> None:
        """Forgets the request of an account that is gone."""
        self._waiting = {request_id: each for request_id, each in self._waiting.items() if each.key != uid}
        self._ended = {request_id: each for request_id, each in self._ended.items() if each[0] != uid}

    async def run(self) -> None:
        """Polls each creation when it is due, for ever."""
        while True:
            self._changed.clear()
            pause = self._next_poll() - _now()
            try:
                async with asyncio.timeout(pause if pause < math.inf else None):
                    await self._changed.wait()
            except TimeoutError:
                await self.poll()

    async def poll(self) -> None:
        """Polls what is due now, as far as AWS's rates allow, and wakes accounts whose creation has ended."""
        due = self._due()
        if not due:
            return
        try:
            if self._descriptions_from <= _now():
                await self._poll_one(due[0])
            elif self._lists_from <= _now() and self._lists_are_cheap(len(due)):
                await self._poll_all(due)
        except AwsError as error:
            log.info("creations_in_progress_unknown", error=str(error))
            again = _now() + self._between_descriptions
            self._lists_from = max(self._lists_from, again)
            self._descriptions_from = max(self._descriptions_from, again)

    async def _poll_one(self, request_id: str) -> None:
        rest = self._between_descriptions
        self._descriptions_from = max(self._descriptions_from, _now() - rest) + rest
        creation = await self._describe(request_id)
        in_progress = creation.state == "IN_PROGRESS"
        if not in_progress and (waiting := self._waiting.get(request_id)) is not None:
            self._ended[request_id] = waiting.key, creation
        self._polled(request_id, rest, in_progress=in_progress)

    async def _poll_all(self, due: list[str]) -> None:
        self._lists_from = _now() + self._pages * self._between_lists  # also if it fails between its pages
        seen, self._pages = await self._list_all()
        rest = self._pages * self._between_lists
        self._lists_from = _now() + rest
        for request_id in due:
            self._polled(request_id, rest, in_progress=request_id in seen)

    def _polled(self, request_id: str, rest: float, *, in_progress: bool) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is None:  # somebody asked AWS directly during this poll
            return
        if in_progress:
            waiting.due = _now() + next_poll_delay(_now() - waiting.since, rest, self._longest, SHARE)
            return
        del self._waiting[request_id]
        self._wake(waiting.key)

    def _wait(self, request_id: str, waiting: _Waiting) -> None:
        self._waiting.setdefault(request_id, waiting)
        self._changed.set()

    def _due(self) -> list[str]:
        """The requests to poll, the earliest due first."""
        due = [(each.due, request_id) for request_id, each in self._waiting.items() if each.due <= _now()]
        return [request_id for _, request_id in sorted(due)]

    def _lists_are_cheap(self, due: int) -> bool:
        return self._pages * self._between_lists <= due * self._between_descriptions

    def _next_poll(self) -> float:
        """When the next poll is due and AWS's rates allow it; never, if nobody waits."""
        first = min((each.due for each in self._waiting.values()), default=math.inf)
        room = self._descriptions_from
        if self._lists_are_cheap(max(1, len(self._due()))):
            room = min(room, self._lists_from)
        return max(first, room)
