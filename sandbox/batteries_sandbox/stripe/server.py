"""Puts the parts together and listens: the in-process entry, which the command line uses as well."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from batteries_sandbox.stripe import hosted, portal_page, tools
from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.expiry import expire_due
from batteries_sandbox.stripe.idempotency import SavedAnswers
from batteries_sandbox.stripe.keys import ACCOUNT, SAVED_ANSWERS, SETTINGS, WEBHOOKS
from batteries_sandbox.stripe.middleware import answer_like_stripe
from batteries_sandbox.stripe.pipeline import handler_of
from batteries_sandbox.stripe.portal_configurations import save_default
from batteries_sandbox.stripe.prices import add_price
from batteries_sandbox.stripe.routes import ENDPOINTS
from batteries_sandbox.stripe.settings import StripeSettings
from batteries_sandbox.stripe.webhooks import Webhooks

_PAGE = "/c/pay/{id}"
_PORTAL = "/p/session/{token}"


@asynccontextmanager
async def serve(settings: StripeSettings) -> AsyncIterator[str]:
    """Runs a stand-in while the block runs; gives its URL. Port 0 is any free one."""
    # Bound before the application is made: a session's URL needs the port.
    with socket.create_server((settings.host, settings.port), backlog=512) as listener:
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        webhooks = Webhooks(settings)
        account = Account(
            base_url=(settings.public_url or url).rstrip("/"), send=webhooks.send, livemode=settings.livemode
        )
        for price_id in settings.price_ids:
            add_price(account, price_id)
        if settings.portal_cancels is not None:
            save_default(account, settings.portal_cancels or None)
        runner = web.AppRunner(_application(settings, account, webhooks), access_log=None, shutdown_timeout=1)
        async with webhooks.running():
            await runner.setup()
            expiring = asyncio.create_task(_expire_by_itself(account))
            try:
                await web.SockSite(runner, listener).start()
                yield url
            finally:
                expiring.cancel()
                with suppress(asyncio.CancelledError):
                    await expiring
                await runner.cleanup()


def _application(settings: StripeSettings, account: Account, webhooks: Webhooks) -> web.Application:
    app = web.Application(middlewares=[answer_like_stripe])
    app[ACCOUNT], app[SAVED_ANSWERS], app[SETTINGS], app[WEBHOOKS] = account, SavedAnswers(), settings, webhooks
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.path, handler_of(endpoint))
    app.add_routes([web.get(_PAGE, hosted.show), web.post(_PAGE, hosted.submit)])
    app.add_routes([web.get(_PORTAL, portal_page.show), web.post(_PORTAL, portal_page.submit), *tools.ROUTES])
    return app


async def _expire_by_itself(account: Account) -> None:
    while True:
        expire_due(account)
        await asyncio.sleep(1)
