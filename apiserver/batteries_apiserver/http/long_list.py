"""Streams long lists: the first items are sent at once, and the whole list is never in memory."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import TypeVar

from aiohttp import web

from batteries_apiserver.http.drain import DRAIN
from batteries_apiserver.http.request_context import request_id
from batteries_apiserver.http.request_log import HEADER
from batteries_apiserver.http.responses import AT_ONCE, list_response, pieces
from batteries_apiserver.http.time_limit import lift_time_limit

T = TypeVar("T")


async def long_list_response(
    request: web.Request,
    name: str,
    items: Iterable[T],
    view: Callable[[T], bytes],
    headers: Mapping[str, str],
) -> web.StreamResponse:
    """`{name: [...]}` with any number of items; `view` returns the JSON of one."""
    left = iter(items)
    first = list(islice(left, AT_ONCE + 1))
    if len(first) <= AT_ONCE:
        return await list_response(name, first, view, headers)
    # A response that has begun can't become an error any more, and the middleware can't change it. It has no time
    # limit, because the client decides how fast it reads.
    lift_time_limit(request)
    response = web.StreamResponse(headers={**headers, HEADER: request_id()})
    response.content_type = "application/json"
    if request.app[DRAIN].begun:
        response.force_close()
    with suppress(ConnectionError):  # the client disconnected
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        before = b'{"%b":[' % name.encode()
        async for piece in pieces(chain(first, left), view):
            await response.write(before + piece)
            before = b","
        await response.write((b"" if before == b"," else before) + b"]}")
        await response.write_eof()
    return response
