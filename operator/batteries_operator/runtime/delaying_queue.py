"""A queue that returns each key when it is due, the earliest first."""

import asyncio
import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")


class DelayingQueue(Generic[K]):
    """For one event loop and any number of workers. A key that is put twice comes out twice."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, K]] = []
        self._more = asyncio.Event()

    def __iter__(self) -> Iterator[tuple[float, K]]:
        """Each key, with the loop's time at which it is due; unordered."""
        return iter(self._heap)

    def put(self, key: K, seconds: float) -> None:
        """Makes `key` due in so many seconds."""
        heapq.heappush(self._heap, (asyncio.get_running_loop().time() + seconds, key))
        self._more.set()

    async def get(self) -> K:
        """Returns the next key once it is due."""
        while True:
            now = asyncio.get_running_loop().time()
            if self._heap and self._heap[0][0] <= now:
                return heapq.heappop(self._heap)[1]
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), self._heap[0][0] - now if self._heap else None)
            except TimeoutError:
                continue
