"""The place for faults on demand: error answers, lost answers, latency. There are none yet.

`middleware.py` runs every API request through `with_faults`, outside of authentication and idempotency, where a
network stands between a client and Stripe: a fault before `handle` is a request that never arrived, one after it is
an answer that got lost although the work was done and its answer saved.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def with_faults(request: web.Request, handle: Handle) -> web.StreamResponse:
    """Answers as if nothing went wrong."""
    return await handle(request)
