"""JSON answers, made in one place so that every one has the same form."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson
from aiohttp import web

_AT_ONCE = 200
"""Items of a long list that are made before others get their turn: a few milliseconds' worth."""

T = TypeVar("T")


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`body` as JSON."""
    return _json(orjson.dumps(body), status, headers)


async def list_answer(
    name: str, items: Iterable[T], view: Callable[[T], Any], headers: Mapping[str, str]
) -> web.Response:
    """`{name: [...]}` of items that may be many: made bit by bit, so that no other request waits for the whole."""
    left = iter(items)
    pieces: list[bytes] = []
    while some := list(islice(left, _AT_ONCE)):
        pieces.append(orjson.dumps([view(item) for item in some])[1:-1])
        await asyncio.sleep(0)
    return _json(b"{%s:[%s]}" % (orjson.dumps(name), b",".join(pieces)), 200, headers)


def error_answer(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The one error shape."""
    return json_answer({"error": sentence, "code": code}, status=status, headers=headers)


def _json(body: bytes, status: int, headers: Mapping[str, str] | None) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
