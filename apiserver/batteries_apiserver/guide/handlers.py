"""Serves the generated document and guide, and the files of /docs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path

import orjson
from aiohttp import web

from batteries_apiserver.billing.context import BILLING
from batteries_apiserver.billing.cost import NOBODY
from batteries_apiserver.guide.document import document
from batteries_apiserver.guide.llms import COST, llms_txt
from batteries_apiserver.http.route import Route

_PAGES = Path(__file__).parent / "pages"
BRIEFLY = {"Cache-Control": "public, max-age=300"}
STRICT = {
    # Nothing from other origins, nothing inline; the page may send requests to this server and show the responses.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guide:
    """The document and the guide, generated at the first request and cached."""

    def __init__(self, routes: Iterable[Route], public_url: str, settings: Mapping[str, str]) -> None:
        """`settings`: what to write for the placeholders of this installation's settings in descriptions."""
        self._routes = tuple(routes)
        self._public_url = public_url
        self._settings = settings

    def _filled(self, text: str) -> str:
        for placeholder, value in self._settings.items():
            text = text.replace(placeholder, value)
        return text

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document."""
        return self._filled(orjson.dumps(document(self._routes, self._public_url)).decode()).encode()

    @cached_property
    def llms_txt(self) -> str:
        """The guide for agents."""
        return self._filled(llms_txt(self._routes, self._public_url))


GUIDE = web.AppKey("guide", Guide)


async def openapi(request: web.Request) -> web.Response:
    """GET /v1/openapi.json."""
    return web.Response(body=request.app[GUIDE].document, content_type="application/json", headers=BRIEFLY)


async def llms(request: web.Request) -> web.Response:
    """GET /v1/llms.txt and /llms.txt: Markdown, sent as plain text, which its readers expect."""
    billing = request.app.get(BILLING)
    gateway = None if billing is None else billing.gateway
    summary = NOBODY if gateway is None else (await gateway.cost())["summary"]
    return web.Response(text=request.app[GUIDE].llms_txt.replace(COST, summary), headers=BRIEFLY)


def page(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler for one of our own files."""
    body = (_PAGES / name).read_bytes()

    async def show(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers={**BRIEFLY, **STRICT})

    return show
