"""How long a request may take, and how a stream, which takes as long as its reader stays, is let off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_LIMIT = web.RequestKey("time_limit", asyncio.Timeout)


@asynccontextmanager
async def time_limit(request: web.Request, seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError in the block once it took so long."""
    async with asyncio.timeout(seconds) as limit:
        request[_LIMIT] = limit
        yield


def lift_time_limit(request: web.Request) -> None:
    """From now on the request may take for ever."""
    request[_LIMIT].reschedule(None)
