"""A gate: calls wait in front of it until somebody releases or drops them, or their clients disconnect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.journal import redacted

_LOOK_SECONDS = 0.05  # how often a held call is checked for a disconnected client


@dataclass(slots=True)
class Gate:
    """The calls that wait, oldest first."""

    _waiting: list[tuple[Call, float, asyncio.Future[bool]]] = field(default_factory=list)

    async def hold(self, call: Call, gone: Callable[[], bool]) -> bool:
        """Holds a call; True if it may continue, False if it is dropped or its client is gone."""
        released: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        entry = (call, time.time(), released)
        self._waiting.append(entry)
        try:
            while not released.done() and not gone():
                await asyncio.wait({released}, timeout=_LOOK_SECONDS)
            return released.done() and released.result()
        finally:
            self._waiting.remove(entry)

    def release(self, *, drop: bool = False) -> int:
        """Releases all, or drops all; returns how many."""
        held = [released for _, _, released in self._waiting if not released.done()]
        for released in held:
            released.set_result(not drop)
        return len(held)

    def describe(self) -> list[dict[str, Any]]:
        """The calls that wait."""
        return [
            {
                "service": call.service,
                "operation": call.operation,
                "accountId": call.account_id,
                "params": redacted(call.params),
                "since": since,
            }
            for call, since, released in self._waiting
            if not released.done()
        ]


async def hang(seconds: float, gone: Callable[[], bool], sleep: Callable[[float], Awaitable[None]]) -> None:
    """Waits for the client to disconnect, at most so many seconds unless that is 0."""
    over = asyncio.ensure_future(sleep(seconds)) if seconds else asyncio.get_running_loop().create_future()
    try:
        while not gone() and not over.done():
            await asyncio.wait({over}, timeout=_LOOK_SECONDS)  # aiohttp has no event for a client that is gone
    finally:
        over.cancel()
