"""Serves what was made of the routes once, when the application was put together."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

from batteries_apiserver.guide.document import document
from batteries_apiserver.guide.llms import llms_txt
from batteries_apiserver.route import Route

_PAGES = Path(__file__).parent / "pages"
_BRIEFLY = {"Cache-Control": "public, max-age=300"}
_STRICT = {
    # Nothing from elsewhere, nothing inline; the page may ask this server, and show what it answers.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Guide:
    """The document and the guide, as they are sent."""

    document: bytes
    llms_txt: str


GUIDE = web.AppKey("guide", Guide)


def guide_of(routes: Iterable[Route], public_url: str) -> Guide:
    """What the routes come to."""
    table = tuple(routes)
    return Guide(orjson.dumps(document(table, public_url)), llms_txt(table, public_url))


async def openapi(request: web.Request) -> web.Response:
    """GET /v1/openapi.json."""
    return web.Response(body=request.app[GUIDE].document, content_type="application/json", headers=_BRIEFLY)


async def llms(request: web.Request) -> web.Response:
    """GET /v1/llms.txt and /llms.txt: Markdown, which its readers take as plain text."""
    return web.Response(text=request.app[GUIDE].llms_txt, headers=_BRIEFLY)


def page(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler for one of our own files."""
    body = (_PAGES / name).read_bytes()

    async def show(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers={**_BRIEFLY, **_STRICT})

    return show
