"""Writes whose answer may get lost: Kubernetes did what it was asked, and then the connection broke.

What is made under a name of its own can be looked for under that name, so that nobody need guess and ask anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.kube.client import CONFLICT, UNANSWERED, status_of

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SECONDS = 7.0
"""For each request to Kubernetes: two writes and two looks fit into the 30 seconds that a request to us may take."""


async def write_or_find(
    write: Callable[[], Awaitable[T]], find: Callable[[], Awaitable[T | None]], *, attempts: int = 2
) -> T:
    """What `write` makes or, where that may be done though nobody said so, what `find` finds; else written once more.

    `find` is asked also where the name is taken (409): maybe by ourselves, and something between us sent it twice.

    Raises:
        ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not answer at all.
    """
    try:
        return await _in_time(write)
    except (ApiException, *UNANSWERED) as error:
        if not _may_be_done(error):
            raise
        found = await _in_time(find)
        if found is not None:
            return found
        if attempts == 1:
            raise
        log.warning("written_once_more", error=type(error).__name__)
    return await write_or_find(write, find, attempts=attempts - 1)


async def _in_time(request: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(_SECONDS):
        return await request()


def _may_be_done(error: Exception) -> bool:
    """Whether the write may be done all the same."""
    if not isinstance(error, ApiException):
        return True
    status = status_of(error)
    return status in (0, CONFLICT) or status >= 500
