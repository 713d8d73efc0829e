"""GET /metrics on the port of its own."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from fakes.api_world import Client

from batteries_apiserver.runtime.metrics import KEYS, metrics_app


async def test_gauges_are_computed_when_somebody_asks(
    aiohttp_client: Callable[[web.Application], Awaitable[Client]],
) -> None:
    values = iter((3, 5))
    client = await aiohttp_client(metrics_app([lambda: KEYS.labels("test").set(next(values)), lambda: None]))
    for expected in (3, 5):
        response = await client.get("/metrics")
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert f'batteries_api_keys{{state="test"}} {expected}.0' in await response.text()
    KEYS.remove("test")
