"""Where Stripe's checkout sends a browser back to. It tells how to fetch the key, and does not fetch it.

A browser loads pages ahead, again and from history, and the key is given once; so the page that it lands on by itself
must change nothing. It shows nothing of its address either.
"""

from aiohttp import web

from batteries_apiserver.billing.handlers import ONCE

_COMPLETE = """Your card is saved.

Fetch your API key now; it is shown once, and only within the hour:

    GET /v1/stripe/session/<session id>

The session id stands in this page's address, and in the answer to POST /v1/stripe/setup.
"""
_CANCELLED = "No card was saved. Begin again with POST /v1/stripe/setup when you like.\n"


async def complete(request: web.Request) -> web.Response:
    """GET /checkout/complete."""
    return web.Response(text=_COMPLETE, headers=ONCE)


async def cancelled(request: web.Request) -> web.Response:
    """GET /checkout/cancelled."""
    return web.Response(text=_CANCELLED, headers=ONCE)
