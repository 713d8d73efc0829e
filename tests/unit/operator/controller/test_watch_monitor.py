"""Which watches are heard of: a refused one waits, is told of, and keeps nobody else."""

import asyncio
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from batteries_operator.controller import watch_monitor as module
from batteries_operator.controller.login import session_of
from batteries_operator.controller.watch_monitor import HEARD_SECONDS, WatchMonitor

BASE = "/apis/aibatteriesincluded.com/v1"


async def ask(watch_monitor: WatchMonitor, path: str, statuses: list[int]) -> aiohttp.ClientResponse:
    """Asks a Kubernetes that answers with one status after the other."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"items": []}, status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        info = kopf.ConnectionInfo(server=str(server.make_url("/")))
        async with session_of(info, None, watch_monitor) as session, session.get(server.make_url(path)) as response:
            await response.read()
            return response


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORTEST_PAUSE", 0.001)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
@pytest.mark.parametrize("query", ["", "?watch=true&allowWatchBookmarks=true"])
async def test_a_refused_list_or_watch_waits_until_it_is_not(status: int, query: str) -> None:
    watch_monitor = WatchMonitor(["a", "b"])
    watch_monitor.heard("a", "awsaccounts")
    response = await ask(watch_monitor, f"{BASE}/namespaces/b/awsaccounts{query}", [status, status, 200])
    assert response.status == 200
    assert watch_monitor.is_served("b")
    watch_monitor.refused("b", "awsaccounts", status)
    assert (watch_monitor.is_served("a"), watch_monitor.is_served("b")) == (True, False)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/namespaces", 403),
        (BASE, 404),
        (f"{BASE}/namespaces/b/awsaccounts/acme", 404),
        (f"{BASE}/namespaces/b/awsaccounts", 401),
        (f"{BASE}/namespaces/b/awsaccounts", 410),
        (f"{BASE}/namespaces/b/awsaccounts", 429),
    ],
)
async def test_what_is_no_refusal_of_ours_is_kopfs(path: str, status: int) -> None:
    watch_monitor = WatchMonitor(["b"])
    async with asyncio.timeout(5):
        assert (await ask(watch_monitor, path, [status])).status == status
    assert not watch_monitor.is_served("b")


async def test_all_namespaces_are_one_watch() -> None:
    watch_monitor = WatchMonitor([])
    await ask(watch_monitor, f"{BASE}/awsaccounts", [403, 200])
    assert watch_monitor.is_served("*")


async def test_each_piece_of_a_stream_is_heard() -> None:
    now = [0.0]
    watch_monitor = WatchMonitor(["a"], lambda: now[0])

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(3):
            now[0] = 100.0 * (number + 1)
            await response.write(b'{"type": "BOOKMARK"}\n')
            await asked.wait()
            asked.clear()
        return response

    asked, app = asyncio.Event(), web.Application()
    app.router.add_get("/{path:.*}", stream)
    async with TestServer(app) as server:
        info: Any = kopf.ConnectionInfo(server=str(server.make_url("/")))
        url = server.make_url(f"{BASE}/namespaces/a/awsaccounts").with_query(watch="true")
        async with session_of(info, None, watch_monitor) as session, session.get(url) as response:
            async for _ in response.content.iter_chunked(1024):
                assert watch_monitor.silence(1) is None
                assert watch_monitor.is_served("a")
                asked.set()
    assert now[0] == 300


def test_silence_is_told_after_its_time_and_by_the_loudest() -> None:
    now = [0.0]
    watch_monitor = WatchMonitor(["a", "b"], lambda: now[0])
    now[0] = 300
    assert watch_monitor.silence(300) is None, "it has that long from the start"
    now[0] = 301
    assert "No watch of Kubernetes was heard of for 301 s" in (watch_monitor.silence(300) or "")
    watch_monitor.heard("b", "awsaccounts")
    now[0] = 301 + HEARD_SECONDS
    assert watch_monitor.silence(300) is None
    assert (watch_monitor.is_served("a"), watch_monitor.is_served("b")) == (False, True)
    now[0] += 1
    assert not watch_monitor.is_served("b")
