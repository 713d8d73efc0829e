"""Long lists are sent while they are made: whole, with their headers, and ended with the connection where it must."""

from collections.abc import Awaitable, Callable, Iterable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from batteries_apiserver.auth.rate_limit import RateLimits
from batteries_apiserver.http.drain import DRAIN, Drain
from batteries_apiserver.http.long_list import long_list_response
from batteries_apiserver.http.middleware import request_middleware
from batteries_apiserver.http.time_limit import TIME_LIMITS, TimeLimits
from batteries_apiserver.settings import Settings

Client = TestClient[web.Request, web.Application]
Open = Callable[[int, Iterable[int]], Awaitable[Client]]


@pytest.fixture
def open_client(aiohttp_client: Callable[..., Awaitable[Client]]) -> Open:
    async def opened(count: int, items: Iterable[int]) -> Client:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await long_list_response(request, "things", items, lambda n: b"%d" % n, {"X": "y"})

        drain, time_limits = Drain(), TimeLimits(30)
        app = web.Application(middlewares=[request_middleware(RateLimits(Settings()).take, time_limits, drain)])
        app[DRAIN], app[TIME_LIMITS] = drain, time_limits
        app.router.add_get("/", handler)
        return await aiohttp_client(app)

    return opened


@pytest.mark.parametrize("count", [0, 1, 200, 201, 400, 1000])
async def test_a_list_is_whole_whatever_its_length(open_client: Open, count: int) -> None:
    response = await (await open_client(count, range(count))).get("/")
    assert await response.json() == {"things": list(range(count))}
    assert (response.content_type, response.headers["X"]) == ("application/json", "y")
    assert response.headers["X-Request-Id"]
    assert (response.headers.get("Transfer-Encoding") == "chunked") is (count > 200)


@pytest.mark.parametrize("left", [0, 1])
async def test_it_is_json_too_where_most_of_it_went_meanwhile(open_client: Open, left: int) -> None:
    response = await (await open_client(1000, range(left))).get("/")
    assert await response.json() == {"things": list(range(left))}


async def test_a_head_has_no_body_and_the_connection_goes_on(open_client: Open) -> None:
    client = await open_client(1000, range(1000))
    assert (await client.head("/")).headers["X"] == "y"
    assert len((await (await client.get("/")).json())["things"]) == 1000


async def test_a_replica_that_ends_says_so_before_it_begins_to_answer(open_client: Open) -> None:
    client = await open_client(1000, range(1000))
    client.server.app[DRAIN].begun = True  # type: ignore[attr-defined]
    assert (await client.get("/")).headers["Connection"] == "close"
