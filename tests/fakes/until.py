"""Waits for a condition. The deadline ends what hangs and claims nothing about how long it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """Awaits the condition again and again, and returns its first true value.

    Raises:
        TimeoutError: it did not become true in time.
    """
    async with asyncio.timeout(seconds):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value


def until_true(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The same for a condition that is not a coroutine, outside of an event loop."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)
    return value
