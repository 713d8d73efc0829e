"""A request that takes too long is given up and answered; a stream, and the next request, are not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from batteries_apiserver.auth.rate_limit import RateLimits
from batteries_apiserver.http.drain import Drain
from batteries_apiserver.http.middleware import request_middleware
from batteries_apiserver.http.time_limit import TIME_LIMITS, TimeLimits, lift_time_limit, limits_watched
from batteries_apiserver.settings import Settings

Client = TestClient[web.Request, web.Application]
SECONDS = 0.2


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
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
    return await aiohttp_client(app)


async def test_what_takes_too_long_is_answered_and_the_connection_goes_on(client: Client) -> None:
    begun = asyncio.get_running_loop().time()
    response = await client.get("/slow")
    took = asyncio.get_running_loop().time() - begun
    assert (response.status, (await response.json())["code"]) == (503, "unavailable")
    assert response.headers["X-Request-Id"]
    assert SECONDS <= took < 1
    assert await (await client.get("/fast")).text() == "fast"


async def test_several_are_given_up_at_once_and_only_they(client: Client) -> None:
    paths = ["/slow", "/fast", "/slow", "/let-off", "/slow"]
    answers = await asyncio.gather(*[client.get(path) for path in paths])
    assert [answer.status for answer in answers] == [503, 200, 503, 200, 503]


async def test_a_request_whose_limit_is_lifted_takes_as_long_as_it_takes(client: Client) -> None:
    assert await (await client.get("/let-off")).text() == "slow"


async def test_a_request_that_is_broken_off_for_another_reason_stays_broken_off(client: Client) -> None:
    limits = client.server.app[TIME_LIMITS]  # type: ignore[attr-defined]
    task = asyncio.create_task(asyncio.sleep(5))
    limits.begin(task, 10**9)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert limits.end(task) is False
