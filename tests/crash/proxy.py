"""Between one operator and the real API server: counts the operator's writes, and holds, drops or answers one of them.

Reads and watches pass through. Events are no state, so they are not counted.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from aiohttp import web

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_HOP = {"host", "transfer-encoding", "content-length", "connection", "accept-encoding"}


@dataclass
class Trap:
    """What to do with the n-th write of a kind: hold it `before` or `after` it is done, or lose its answer."""

    kind: str
    nth: int
    when: str
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: bool = False


def kind_of(method: str, path: str) -> str | None:
    """`PATCH awsaccounts/status` and the like; None for what is no write of state."""
    parts = path.split("/")
    if method not in WRITES or "namespaces" not in parts or "events" in parts:
        return None
    resource = parts[parts.index("namespaces") + 2 :]
    return f"{method} {'/'.join(part for index, part in enumerate(resource) if index != 1)}"


class Proxy:
    """One operator's way to Kubernetes."""

    def __init__(self, server: str, trust: ssl.SSLContext) -> None:
        self._server = server
        self._trust = trust
        self._seen: Counter[str] = Counter()
        self.writes: list[tuple[str, int]] = []
        self.done: Counter[str] = Counter()
        """Writes that Kubernetes took, by kind: one that met another's answers 409 and is no write."""
        self.trap: Trap | None = None
        self._watching: dict[int, web.Request] = {}

    def reset(self, trap: Trap | None = None) -> None:
        """Counts from one again."""
        if self.trap is not None:
            self.trap.release.set()
        self._seen.clear()
        self.done.clear()
        self.writes.clear()
        self.trap = trap

    def cut(self) -> int:
        """Closes the connection of every watch that runs, as a load balancer or a restart does; how many there were."""
        watching = [request.transport for request in self._watching.values() if request.transport is not None]
        for transport in watching:
            transport.abort()
        return len(watching)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Its address, for as long as the block lasts."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            try:
                yield f"http://{host}:{port}"
            finally:
                await runner.cleanup()

    def _sprung(self, kind: str | None) -> Trap | None:
        if kind is None:
            return None
        self._seen[kind] += 1
        self.writes.append((kind, self._seen[kind]))
        trap = self.trap
        return trap if trap is not None and (trap.kind, trap.nth) == self.writes[-1] else None

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        trap = self._sprung(kind_of(request.method, request.path))
        if trap is not None and trap.when == "before":
            trap.sprung.set()
            await trap.release.wait()
            if trap.dropped:
                raise web.HTTPServiceUnavailable  # to nobody: the operator was killed before this was done
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        timeout = aiohttp.ClientTimeout(total=None)
        # Shielded: an operator that dies meanwhile does not take back what it has sent.
        sending = asyncio.ensure_future(
            self._session.request(
                request.method, self._server + request.raw_path, data=body or None, headers=headers, timeout=timeout
            )
        )
        upstream = await asyncio.shield(sending)
        async with upstream:
            if upstream.status < HTTPStatus.BAD_REQUEST:
                self.done[kind_of(request.method, request.path) or ""] += 1
            if trap is not None and trap.when != "before":
                await upstream.read()
                trap.sprung.set()
                if trap.when == "after":
                    await trap.release.wait()
                assert request.transport is not None
                request.transport.close()
            if "watch" not in request.query:
                return await self._answer(request, upstream)
            self._watching[id(request)] = request
            try:
                return await self._answer(request, upstream)
            finally:
                self._watching.pop(id(request))

    async def _answer(self, request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=_kept(upstream))
        with contextlib.suppress(ConnectionResetError):  # the operator was killed, or the answer is to be lost
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        return response


def _kept(upstream: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: value for name, value in upstream.headers.items() if name.lower() not in _HOP}
