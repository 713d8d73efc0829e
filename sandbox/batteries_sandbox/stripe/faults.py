"""The place for faults on demand: error responses, lost responses, latency. There are none yet.

`middleware.py` runs every API request through `with_faults`, outside of authentication and idempotency, where a network
is between a client and Stripe: a fault before `handle` is a request that never arrived, one after it is a response that
was lost although the request was carried out and its response saved.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def with_faults(request: web.Request, handle: Handle) -> web.StreamResponse:
    """Passes the request on without a fault."""
    return await handle(request)
