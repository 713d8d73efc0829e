"""A queue that returns each key when it is due, the earliest first."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")


class DelayingQueue(Generic[K]):
    """For one event loop and any number of workers. A key that is put twice comes out twice."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._puts = itertools.count()  # so that keys, which may have no order, are never compared
        self._more = asyncio.Event()

    def __iter__(self) -> Iterator[tuple[float, K]]:
        """Each key, with the loop's time at which it is due; unordered."""
        return ((due, key) for due, _, key in self._heap)

    def put(self, key: K, seconds: float) -> None:
        """Makes `key` due in so many seconds."""
        heapq.heappush(self._heap, (asyncio.get_running_loop().time() + seconds, next(self._puts), key))
        self._more.set()

    async def get(self) -> K:
        """Returns the next key once it is due."""
        while True:
            now = asyncio.get_running_loop().time()
            if self._heap and self._heap[0][0] <= now:
                return heapq.heappop(self._heap)[2]
            self._more.clear()
            # Not wait_for: until Python 3.12 it forgets a cancellation that comes together with a new key.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._heap[0][0] - now if self._heap else None):
                    await self._more.wait()
