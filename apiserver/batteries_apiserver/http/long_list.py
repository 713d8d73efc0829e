"""Lists that may be very long: sent while they are made, so that the first comes at once and nobody holds the whole."""

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
    """`{name: [...]}` of the items, of which there may be any number; `view` makes the JSON of one."""
    left = iter(items)
    first = list(islice(left, AT_ONCE + 1))
    if len(first) <= AT_ONCE:
        return await list_response(name, first, view, headers)
    # Begun, it can't become an error any more, nor be looked at by the middlewares; it takes as long as it is read.
    lift_time_limit(request)
    response = web.StreamResponse(headers={**headers, HEADER: request_id()})
    response.content_type = "application/json"
    if request.app[DRAIN].begun:
        response.force_close()
    with suppress(ConnectionError):  # the reader went
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
