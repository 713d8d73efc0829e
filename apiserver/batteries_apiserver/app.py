"""Builds the aiohttp application from the settings, and binds its resources to its lifetime.

`make_app` reads no environment and opens no sockets, so that tests can build the real application with other resources.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from aiohttp import web

from batteries_apiserver.auth.authenticator import AUTHENTICATOR, Authenticator
from batteries_apiserver.auth.rate_limit import RATE_LIMITS, RateLimits
from batteries_apiserver.auth.usage import Usage
from batteries_apiserver.billing.context import BILLING, Billing
from batteries_apiserver.billing.gateway import stripe_gateway
from batteries_apiserver.billing.reconcile import rechecking
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, NotificationWriter
from batteries_apiserver.events.stream import STREAMS, Streams
from batteries_apiserver.guide.granted import granted_by
from batteries_apiserver.guide.handlers import GUIDE, Guide
from batteries_apiserver.http.drain import DRAIN, Drain
from batteries_apiserver.http.headers import add_headers
from batteries_apiserver.http.middleware import request_middleware
from batteries_apiserver.http.nearest_path import PATHS, Paths
from batteries_apiserver.http.route import LONGEST_WAIT
from batteries_apiserver.http.time_limit import TIME_LIMITS, TimeLimits, limits_watched
from batteries_apiserver.keys.expiry import deleting_old_keys
from batteries_apiserver.keys.first_admin_key import minted_in_background as first_admin_key_minted
from batteries_apiserver.kube.clients import KUBE, Kube, filled, kube_of
from batteries_apiserver.routes import ROUTES, registered
from batteries_apiserver.settings import SETTINGS, Settings
from batteries_apiserver.tokens.context import TOKENS, tokens_of
from batteries_crds.kube.client import connect

log = structlog.get_logger(__name__)

KubeSource = Callable[[Settings], AbstractAsyncContextManager[Kube]]


@asynccontextmanager
async def kube_connected(settings: Settings) -> AsyncIterator[Kube]:
    """Connects to the cluster of the settings, and keeps the caches filled.

    Raises:
        NoClusterError: no cluster can be reached.
    """
    async with await connect(settings.kubeconfig) as api:
        kube = kube_of(api, settings)
        async with filled(kube.caches):
            yield kube


async def notifications(app: web.Application) -> AsyncIterator[None]:
    """Writes Notifications and deletes old keys in the background while the application runs."""
    app[NOTIFICATIONS] = NotificationWriter(app[KUBE].namespace, app[KUBE].notifications)
    async with app[NOTIFICATIONS].written(), deleting_old_keys(app[KUBE]):
        yield


async def tokens(app: web.Application) -> AsyncIterator[None]:
    """Keeps the issuer's keys while the application runs, if it is an issuer."""
    settings = app[SETTINGS]
    made = app[TOKENS] = tokens_of(settings, app[KUBE])
    if made.issuer is None:
        log.warning("tokens_off", reason=made.why_off)
        yield
        return
    async with made.events.written(), made.keys.kept(settings.issuer_poll_seconds):
        yield


def make_app(settings: Settings, kube_source: KubeSource = kube_connected) -> web.Application:
    """Builds the application. Its resources are opened at startup and closed in reverse order at shutdown."""

    async def kube(app: web.Application) -> AsyncIterator[None]:
        async with kube_source(settings) as opened:
            app[KUBE] = opened
            yield

    async def authenticator(app: web.Application) -> AsyncIterator[None]:
        opened = app[KUBE]
        usage = Usage(opened.namespace, opened.keys, opened.caches.keys)
        app[AUTHENTICATOR] = Authenticator(opened, usage)
        async with usage.written_every(settings.api_last_used_seconds):
            yield

    async def first_admin_key(app: web.Application) -> AsyncIterator[None]:
        if not settings.admin_key_secret:
            yield
            return
        async with first_admin_key_minted(app[KUBE], settings.admin_key_secret):
            yield

    async def wake_waiting_requests(app: web.Application) -> None:
        if KUBE in app:
            app[KUBE].caches.changes.stop()

    async def billing(app: web.Application) -> AsyncIterator[None]:
        async with stripe_gateway(settings, app[KUBE].installation.name) as gateway:
            app[BILLING] = Billing(settings, app[KUBE], gateway)
            async with rechecking(app[KUBE], gateway, seconds=settings.stripe_recheck_seconds):
                yield

    drain, time_limits, rate_limits = Drain(), TimeLimits(settings.api_request_seconds), RateLimits(settings)
    app = web.Application(
        middlewares=[request_middleware(rate_limits.take, time_limits, drain)], client_max_size=settings.api_body_limit
    )
    app.on_response_prepare.append(add_headers(settings))
    app[SETTINGS] = settings
    app[DRAIN] = drain
    app[TIME_LIMITS] = time_limits
    app[RATE_LIMITS] = rate_limits
    app[STREAMS] = Streams(settings.api_streams_per_customer)
    app.cleanup_ctx.extend([kube, authenticator, notifications, first_admin_key, tokens, billing, limits_watched])
    app.on_shutdown.append(wake_waiting_requests)
    app[PATHS] = Paths(ROUTES)
    app[GUIDE] = Guide(ROUTES, settings.public_base, {LONGEST_WAIT: str(settings.longest_wait), **granted_by(settings)})
    app.add_routes(registered(ROUTES))
    return app
