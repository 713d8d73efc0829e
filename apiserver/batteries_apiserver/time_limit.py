"""How long a request may take, and how a stream, which takes as long as its reader stays, is let off."""

import asyncio

from aiohttp import web

_LIMIT = web.RequestKey("time_limit", asyncio.Timeout)


def time_limit(request: web.Request, seconds: float) -> asyncio.Timeout:
    """For `async with`: raises TimeoutError in the block once it took so long."""
    request[_LIMIT] = limit = asyncio.timeout(seconds)
    return limit


def lift_time_limit(request: web.Request) -> None:
    """From now on the request may take for ever."""
    request[_LIMIT].reschedule(None)
