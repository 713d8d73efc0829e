"""/healthz: whether this process should be let live. A standby is healthy; one whose work stands still is not."""

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from batteries_crds.listening import listening_socket


class Health:
    """What the liveness probe is told. `trouble` is replaced by whoever knows; None from it means well."""

    def __init__(self) -> None:
        self.trouble: Callable[[], str | None] = lambda: None

    async def answer(self, _: web.Request) -> web.Response:
        """200, or 503 with a sentence."""
        trouble = self.trouble()
        return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)


@contextlib.asynccontextmanager
async def serving(health: Health, port: int) -> AsyncIterator[None]:
    """Answers /healthz on `port` of every address, of IPv6 and IPv4; on none where it is 0."""
    if not port:
        yield
        return
    app = web.Application()
    app.router.add_get("/healthz", health.answer)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening_socket("", port)).start()
        yield
    finally:
        await runner.cleanup()
