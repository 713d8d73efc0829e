"""/healthz: whether this process should be let live. A standby is healthy; one whose work stands still is not.

/readyz: whether it would take the work over. A standby is ready, and so is one whose work stands still. One that has
not reached its cluster yet, or is about to end, is not: so a rollout waits for a successor before it ends the one at
work.
"""

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from batteries_crds.runtime.listening import listening_socket


class Health:
    """What the liveness probe is told. `trouble` is replaced by whoever knows; None from it means well."""

    def __init__(self) -> None:
        self.trouble: Callable[[], str | None] = lambda: None
        self.ready: Callable[[], bool] = lambda: False

    async def answer(self, _: web.Request) -> web.Response:
        """200, or 503 with a sentence."""
        trouble = self.trouble()
        return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)

    async def answer_ready(self, _: web.Request) -> web.Response:
        """200, or 503."""
        ready = self.ready()
        return web.json_response({"status": "ok" if ready else "starting or stopping"}, status=200 if ready else 503)


@contextlib.asynccontextmanager
async def serving(health: Health, port: int) -> AsyncIterator[None]:
    """Answers /healthz and /readyz on `port` of every address, of IPv6 and IPv4; on none where it is 0."""
    if not port:
        yield
        return
    app = web.Application()
    app.router.add_get("/healthz", health.answer)
    app.router.add_get("/readyz", health.answer_ready)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening_socket("", port, "BATTERIES_HEALTH_PORT")).start()
        yield
    finally:
        await runner.cleanup()
