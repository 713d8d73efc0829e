"""One task at a time for each key, such as a Customer: a later one takes the place of the one before."""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class KeyedTasks(Generic[K]):
    """Holds the tasks, so that none is collected while it runs."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[None]] = {}

    def is_running(self, key: K) -> bool:
        """Whether there is a task of that key that has not ended."""
        task = self._tasks.get(key)
        return task is not None and not task.done()

    def replace(self, key: K, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work`, and cancels what ran before."""
        self.cancel(key)
        self._tasks[key] = asyncio.create_task(work)

    def cancel(self, key: K) -> None:
        """Ends what runs for the key."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    def close(self) -> None:
        """Ends all."""
        for task in self._tasks.values():
            task.cancel()
