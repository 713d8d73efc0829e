"""Answers of Kubernetes that get lost, before what was asked is done or after."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiException

LOST = (aiohttp.ServerDisconnectedError(), ApiException(status=503), ApiException(status=409), TimeoutError())
Write = Callable[..., Awaitable[Any]]


def losing(create: Write, error: Exception, *, before: int = 0, after: int = 0) -> Write:
    """`create` whose first calls get lost: so many `before` they are done, and then so many `after` that."""
    calls = iter([False] * before + [True] * after)

    async def create_and_lose(*given: Any) -> Any:
        done = next(calls, None)
        made = None if done is False else await create(*given)
        if done is None:
            return made
        raise error

    return create_and_lose
