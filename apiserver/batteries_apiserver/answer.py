"""JSON answers, made in one place so that every one has the same form."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`body` as JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


def error_answer(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The one error shape."""
    return json_answer({"error": sentence, "code": code}, status=status, headers=headers)
