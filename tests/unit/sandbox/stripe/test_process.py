"""The Stripe stand-in as a process: it reports when it is ready, and ends on a signal."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

DEADLINE = 10.0


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "batteries_sandbox.stripe", "--host", "127.0.0.1", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_serves_until_it_is_told_to_stop(number: signal.Signals, unused_tcp_port: int) -> None:
    async with process("--port", str(unused_tcp_port), "--secret-key", "sk_test_mine") as standin:
        assert standin.stdout is not None
        url = f"http://127.0.0.1:{unused_tcp_port}"
        assert (await standin.stdout.readline()).decode() == f"stripe stand-in ready on {url}\n"
        async with ClientSession(base_url=url) as http:
            async with http.get("/_standin/health") as response:
                assert response.status == 200
            async with http.get("/v1/customers", headers={"Authorization": "Bearer sk_test_mine"}) as response:
                assert response.status == 200
        standin.send_signal(number)
        output, errors = await standin.communicate()
        assert (standin.returncode, output, errors) == (0, b"", b"")


async def test_taken_port_is_said_in_one_line(unused_tcp_port: int) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    occupied = await asyncio.start_server(refuse, "127.0.0.1", unused_tcp_port)
    async with occupied, process("--port", str(unused_tcp_port)) as standin:
        output, errors = await standin.communicate()
    assert (standin.returncode, output) == (1, b"")
    assert errors.decode().count("\n") == 1
