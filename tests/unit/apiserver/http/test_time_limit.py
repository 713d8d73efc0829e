"""A request that takes too long is given up and answered; a stream, and the next request, are not."""

import asyncio
import tempfile
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from batteries_apiserver.auth.rate_limit import RateLimits
from batteries_apiserver.http.drain import Drain
from batteries_apiserver.http.middleware import request_middleware
from batteries_apiserver.http.request_context import LOG_CONTEXT
from batteries_apiserver.http.time_limit import TIME_LIMITS, TimeLimits, lift_time_limit, limits_watched
from batteries_apiserver.settings import Settings

SECONDS = 0.2
pytestmark = pytest.mark.virtual_time


@pytest.fixture
def app() -> web.Application:
    """An application whose handlers take a second, or none."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(text="slow")

    async def let_off(request: web.Request) -> web.Response:
        lift_time_limit(request)
        return await slow(request)

    async def fast(request: web.Request) -> web.Response:
        return web.Response(text="fast")

    time_limits = TimeLimits(SECONDS)
    app = web.Application(middlewares=[request_middleware(RateLimits(Settings()).take, time_limits, Drain())])
    app[TIME_LIMITS] = time_limits
    app.cleanup_ctx.append(limits_watched)
    app.add_routes([web.get("/slow", slow), web.get("/let-off", let_off), web.get("/fast", fast)])
    return app


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    """Over a Unix socket: what one end writes the other can read at once, so that no clock goes on meanwhile."""
    runner = web.AppRunner(app)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is too long for a socket's name
        path = f"{folder}/api"
        await web.UnixSite(runner, path).start()
        async with aiohttp.ClientSession("http://api", connector=aiohttp.UnixConnector(path)) as session:
            yield session
        await runner.cleanup()


async def test_what_takes_too_long_is_answered_and_the_connection_goes_on(client: aiohttp.ClientSession) -> None:
    begun = asyncio.get_running_loop().time()
    response = await client.get("/slow")
    took = asyncio.get_running_loop().time() - begun
    assert (response.status, (await response.json())["code"]) == (503, "unavailable")
    assert response.headers["X-Request-Id"]
    assert SECONDS <= took < 1
    assert await (await client.get("/fast")).text() == "fast"


async def test_several_are_given_up_at_once_and_only_they(client: aiohttp.ClientSession) -> None:
    paths = ["/slow", "/fast", "/slow", "/let-off", "/slow"]
    answers = await asyncio.gather(*[client.get(path) for path in paths])
    assert [answer.status for answer in answers] == [503, 200, 503, 200, 503]


async def test_a_request_whose_limit_is_lifted_takes_as_long_as_it_takes(client: aiohttp.ClientSession) -> None:
    assert await (await client.get("/let-off")).text() == "slow"


async def test_a_request_that_is_broken_off_for_another_reason_stays_broken_off(
    app: web.Application, client: aiohttp.ClientSession
) -> None:
    limits = app[TIME_LIMITS]
    task = asyncio.create_task(asyncio.sleep(5))
    limits.begin(task, 10**9)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert limits.end(task) is False


async def test_what_is_cancelled_for_another_reason_is_not_answered() -> None:
    async def cancelled(request: web.Request) -> web.Response:
        raise asyncio.CancelledError

    middleware = request_middleware(lambda request: None, TimeLimits(SECONDS), Drain())
    with pytest.raises(asyncio.CancelledError):
        await middleware(make_mocked_request("GET", "/"), cancelled)
    assert LOG_CONTEXT.get(None) is None, "the next request on the connection has its own"
