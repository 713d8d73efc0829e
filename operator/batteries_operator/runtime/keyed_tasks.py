"""Runs one task at a time for each key, such as a Customer: a new one replaces the one before."""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class KeyedTasks(Generic[K]):
    """Holds the tasks, so that none is garbage-collected while it runs."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[None]] = {}

    def is_running(self, key: K) -> bool:
        """Whether the key has a task that has not ended."""
        task = self._tasks.get(key)
        return task is not None and not task.done()

    def replace(self, key: K, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work`, and cancels the key's earlier task."""
        self.cancel(key)
        self._tasks[key] = asyncio.create_task(work)

    def cancel(self, key: K) -> None:
        """Cancels the key's task."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    def close(self) -> None:
        """Ends all."""
        for task in self._tasks.values():
            task.cancel()
