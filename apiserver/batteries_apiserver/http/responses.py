"""JSON responses, made in one place so that all have the same form."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict

AT_ONCE = 200
"""How many items of a long list are serialized before other requests get the event loop: a few milliseconds' work."""

CODE = web.ResponseKey("error code", str)
"""The error code of an error response."""

T = TypeVar("T")


def json_response(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`body` as JSON."""
    return raw_json_response(orjson.dumps(body), status=status, headers=headers)


def raw_json_response(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`body`, which is JSON already."""
    made = CIMultiDict(headers or ())
    made[hdrs.CONTENT_TYPE] = "application/json"
    return web.Response(body=body, status=status, headers=made)


def json_list(name: str, items: Iterable[bytes]) -> bytes:
    """`{name: [...]}` of items that are JSON already."""
    return b'{"%b":[%b]}' % (name.encode(), b",".join(items))


async def list_response(
    name: str, items: Iterable[T], view: Callable[[T], Any], headers: Mapping[str, str]
) -> web.Response:
    """`{name: [...]}` of possibly many items, serialized in batches so that other requests don't wait for the whole.

    `view` returns what to serialize for an item, or its JSON as bytes.
    """
    made = [piece async for piece in pieces(items, view)]
    return raw_json_response(json_list(name, made), headers=headers)


async def pieces(items: Iterable[T], view: Callable[[T], Any]) -> AsyncIterator[bytes]:
    """The items' JSON with commas between them, in batches; other requests get the event loop after each batch."""
    left = iter(items)
    while some := list(islice(left, AT_ONCE)):
        yield b",".join([_json(view(item)) for item in some])
        await asyncio.sleep(0)


def _json(shown: Any) -> bytes:
    return shown if isinstance(shown, bytes) else orjson.dumps(shown)


def error_response(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The one error shape."""
    response = json_response({"error": sentence, "code": code}, status=status, headers=headers)
    response[CODE] = code
    return response
