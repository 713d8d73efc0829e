"""The API server on a Kubernetes in memory, as the tests of its handlers ask it."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from fakes.api_world import Client, World
from fakes.api_world import world as new_world


@pytest.fixture
async def world() -> World:
    return new_world()


@pytest.fixture
def app(world: World) -> web.Application:
    return world.app()


@pytest.fixture
async def client(app: web.Application, aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Client:
    return await aiohttp_client(app)
