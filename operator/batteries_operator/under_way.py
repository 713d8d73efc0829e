"""Which creations AWS is still at work on: asked once for all accounts, instead of by each for itself.

AWS takes two DescribeCreateAccountStatus a second and five ListCreateAccountStatus (Organizations quotas, "Throttling
limits"). One list tells about every creation in progress; only what has left it is looked at by itself. Whoever asks
anew wakes the accounts whose creation has ended, so that a place is free for the next as soon as anybody knows.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

SECONDS = 0.2
"""The least between two lists: AWS's five a second."""


class UnderWay:
    """The newest list, and who waits for what in it. Keys are AwsAccount UIDs."""

    def __init__(
        self,
        in_progress: Callable[[], Awaitable[frozenset[str]]],
        wake: Callable[[str], None],
        seconds: float = SECONDS,
    ) -> None:
        self._in_progress = in_progress
        self._wake = wake
        self._seconds = seconds
        self._listed: frozenset[str] = frozenset()
        self._listed_at = -math.inf
        self._waiting: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def has(self, request_id: str, key: str) -> bool:
        """Whether the list has the request; False says nothing, for a request of this moment may not be in it yet.

        Raises:
            AwsError: AWS did not tell.
        """
        async with self._asking:
            if asyncio.get_running_loop().time() - self._listed_at >= self._seconds:
                self._listed = await self._in_progress()
                self._listed_at = asyncio.get_running_loop().time()
                self._wake_ended(but_not=request_id)
        if request_id not in self._listed:
            self._waiting.pop(request_id, None)
            return False
        self._waiting[request_id] = key
        return True

    def _wake_ended(self, but_not: str) -> None:
        for request_id in self._waiting.keys() - self._listed - {but_not}:
            self._wake(self._waiting.pop(request_id))
