"""A gate: calls stand before it until somebody lets them go on, drops them, or they go away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.journal import redacted

_LOOK_SECONDS = 0.05  # how often a held call is looked at for a client that is gone


@dataclass(slots=True)
class Gate:
    """The calls that wait, oldest first."""

    _waiting: list[tuple[Call, float, asyncio.Future[bool]]] = field(default_factory=list)

    async def hold(self, call: Call, gone: Callable[[], bool]) -> bool:
        """Holds a call; True where it is to go on, False where it is dropped or its client is gone."""
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
        """Lets all go on, or drops them all; returns how many."""
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


async def hang(seconds: float, gone: Callable[[], bool]) -> None:
    """Waits for the client to give up, at most so many seconds where that is not 0."""
    started = time.monotonic()
    while not gone() and not (seconds and time.monotonic() - started >= seconds):  # noqa: ASYNC110  # aiohttp has no event for it
        await asyncio.sleep(_LOOK_SECONDS)
