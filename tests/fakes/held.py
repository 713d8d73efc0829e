"""AWS calls that do not end before a test lets them."""

import asyncio
from typing import Any

from fakes.factory import Process


class Held:
    """Holds calls of a process back until they are let go, and notes which run at the same time."""

    def __init__(self, process: Process, *operations: str) -> None:
        self.together: list[set[str]] = []
        self.let_go = asyncio.Event()
        self._held = operations
        self._running: set[str] = set()
        self._call = process._call
        process._call = self._watched

    async def called(self, operation: str) -> None:
        """Returns when AWS is asked for it."""
        async with asyncio.timeout(5):
            while not any(operation in each for each in self.together):
                await asyncio.sleep(0.005)

    async def _watched(self, operation: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        self._running.add(operation)
        self.together.append(set(self._running))
        await asyncio.sleep(0.001)
        try:
            if operation in self._held:
                await self.let_go.wait()
            return await self._call(operation, function, *args, **kwargs)
        finally:
            self._running.discard(operation)
