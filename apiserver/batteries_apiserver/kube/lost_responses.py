"""Writes whose response may get lost: Kubernetes carried out the write, and then the connection broke.

An object with a unique name can be looked up by that name, so nobody has to guess whether to repeat the write.
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
"""The timeout of each request to Kubernetes: two writes and two reads fit into the 30 seconds of a request to us."""


async def write_or_find(
    write: Callable[[], Awaitable[T]], find: Callable[[], Awaitable[T | None]], *, attempts: int = 2
) -> T:
    """Returns the result of `write`. If its response was lost, returns what `find` finds, or else writes again.

    `find` is also called if the name is taken (409): a proxy may have sent our own request twice.

    Raises:
        ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not respond at all.
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
    """Whether the write may have been carried out despite the error."""
    if not isinstance(error, ApiException):
        return True
    status = status_of(error)
    return status in (0, CONFLICT) or status >= 500
