"""/healthz says whether the kubelet should restart this process. A standby is healthy; a leader whose work hangs is
not.

/readyz says whether this process could take over. A standby is ready, and so is a leader whose work hangs. A process
that has not reached its cluster yet, or is stopping, is not: so a rollout waits for a successor before it ends the
leader.
"""

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from batteries_crds.runtime.listening import listening_socket


class Health:
    """The responses to the probes. The owner of the work replaces `trouble`; if it returns None, all is well."""

    def __init__(self) -> None:
        self.trouble: Callable[[], str | None] = lambda: None
        self.ready: Callable[[], bool] = lambda: False

    async def healthz(self, _: web.Request) -> web.Response:
        """Responds 200, or 503 with a sentence."""
        trouble = self.trouble()
        return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)

    async def readyz(self, _: web.Request) -> web.Response:
        """Responds 200 or 503."""
        ready = self.ready()
        return web.json_response({"status": "ok" if ready else "starting or stopping"}, status=200 if ready else 503)


@contextlib.asynccontextmanager
async def serving(health: Health, port: int) -> AsyncIterator[None]:
    """Serves /healthz and /readyz on `port` of every IPv6 and IPv4 address; nothing is served if it is 0."""
    if not port:
        yield
        return
    app = web.Application()
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening_socket("", port, "BATTERIES_HEALTH_PORT")).start()
        yield
    finally:
        await runner.cleanup()
