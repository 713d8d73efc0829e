"""The end of a replica: each response closes its connection, and nobody is waited for too long."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.api_world import Client

from batteries_apiserver.http.drain import DRAIN, LONGEST_SECONDS, Drain

pytestmark = pytest.mark.virtual_time


class Runner:
    """A running server with so many connections."""

    def __init__(self, *connections: object) -> None:
        self.server = SimpleNamespace(connections=list(connections))


async def seconds_of(runner: Any, longest: float = LONGEST_SECONDS) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await Drain().run(runner, longest)
    return loop.time() - begun


async def test_without_connections_it_ends_at_once() -> None:
    assert await seconds_of(Runner()) < 0.001


async def test_an_idle_connection_is_waited_for_no_longer_than_was_said() -> None:
    assert await seconds_of(Runner("idle"), 2) == pytest.approx(2, abs=0.03)


async def test_it_ends_with_the_last_connection() -> None:
    runner = Runner("a", "b")
    asyncio.get_running_loop().call_later(1, runner.server.connections.clear)
    assert await seconds_of(runner) == pytest.approx(1, abs=0.03)


async def test_it_has_begun_from_its_first_moment_on() -> None:
    drain, runner = Drain(), Runner("idle")
    assert not drain.begun
    runner_of: Any = runner
    task = asyncio.create_task(drain.run(runner_of, 1))
    await asyncio.sleep(0)
    assert drain.begun
    await task


async def test_responses_close_their_connection_only_from_then_on(client: Client) -> None:
    assert "Connection" not in (await client.get("/healthz")).headers
    client.app[DRAIN].begun = True
    for path in ("/healthz", "/nope", "/v1/accounts"):
        assert (await client.get(path)).headers["Connection"] == "close"
