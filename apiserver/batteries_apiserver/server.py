"""Serves the application and its metrics until SIGTERM, then lets requests in progress finish."""

import asyncio
import signal
from contextlib import suppress

import structlog
from aiohttp import web

from batteries_apiserver.app import make_app
from batteries_apiserver.http.drain import DRAIN, LONGEST_SECONDS
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.http.malformed import Runner
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.runtime.metrics import metrics_app
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.context import TOKENS
from batteries_crds.runtime.listening import listening_socket

log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        NoClusterError: no cluster can be reached.
        NoInstallationError: the name of this installation can't be read.
        NotListeningError: a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = make_app(settings)
    drain_seconds = min(LONGEST_SECONDS, settings.api_shutdown_seconds / 2)
    # Our own middleware logs requests by route; aiohttp's access log would log paths, which contain session ids.
    runner = Runner(
        app,
        access_log=None,
        shutdown_timeout=settings.api_shutdown_seconds - drain_seconds,
        # Also how long the headers of a request may take to arrive.
        keepalive_timeout=settings.api_idle_seconds,
    )
    await runner.setup()
    if settings.stripe_secret_key is not None:
        with suppress(Unavailable):  # it is read again when it is needed
            await app[KUBE].installation.required()
    measured = (app[KUBE].caches.measure, app[TOKENS].keys.measure)
    metrics_runner = web.AppRunner(metrics_app(measured), access_log=None, shutdown_timeout=1)
    await metrics_runner.setup()
    try:
        for each, port, setting in (
            (metrics_runner, settings.api_metrics_port, "BATTERIES_API_METRICS_PORT"),
            (runner, settings.api_port, "BATTERIES_API_PORT"),
        ):
            await web.SockSite(each, listening_socket(settings.api_host, port, setting)).start()
        log.info("serving", addresses=[str(address) for address in runner.addresses], namespace=settings.namespace)
        await stop.wait()
        log.info("stopping")
        # Requests that wait for a change respond with the current state, and streams end.
        app[KUBE].caches.changes.stop()
        await app[DRAIN].run(runner, drain_seconds)
    finally:
        await runner.cleanup()
        await metrics_runner.cleanup()
