"""The limit of reads: aiohttp with nothing around it, answering the same bytes. `python -m bench.api_bare PORT FILE`.

As its own documentation starts a server: one process, asyncio's own event loop, no access log, no middleware.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from batteries_sandbox.components import clean_environment
from batteries_sandbox.process import Command, ManagedProcess, answers, until_answers


def main() -> None:
    """Serves until it is ended."""
    port, body = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{any:.*}", handler)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


@asynccontextmanager
async def bare(port: int, body: bytes, folder: Path) -> AsyncIterator[str]:
    """The running server's address."""
    file = folder / f"bare-{port}.json"
    file.write_bytes(body)
    environment = {**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
    argv = (sys.executable, "-m", "bench.api_bare", str(port), str(file))
    part, url = (
        ManagedProcess(Command("bare aiohttp", argv, environment, folder / "bare.log")),
        f"http://127.0.0.1:{port}",
    )
    await part.start()
    try:
        await until_answers(part, part.command.name, lambda: answers(url), 20)
        yield url
    finally:
        await part.stop()


if __name__ == "__main__":
    main()
