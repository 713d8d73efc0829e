"""The pages to which Stripe's checkout sends a browser back, and their files: all from this server, none inline.

Browsers prefetch pages, reload them and restore them from history, scanners follow links, and the key is shown only
once. So loading a page changes nothing; only its button fetches the key. The session's id is in the address, hence no
referrer; the key appears on the page, hence no cache, no frame, and no script but this server's own file.
"""

from collections.abc import Mapping
from html import escape
from importlib.resources import files

from aiohttp import web

from batteries_apiserver.billing.handlers import SESSION_ID
from batteries_apiserver.http import headers
from batteries_apiserver.settings import SETTINGS, Settings

_FOLDER = files(__package__) / "pages"
_FILES = {
    name: (_FOLDER / name).read_text() for name in ("complete.html", "done.html", "cancelled.html", "returned.html")
}
_ASSETS = {
    "checkout.css": ("text/css", (_FOLDER / "checkout.css").read_text()),
    "checkout.js": ("text/javascript", (_FOLDER / "checkout.js").read_text()),
    "icon.svg": ("image/svg+xml", (_FOLDER / "icon.svg").read_text()),
}

ASSETS = tuple((name, media_type) for name, (media_type, _) in _ASSETS.items())


async def complete(request: web.Request) -> web.Response:
    """GET /checkout/complete."""
    settings = request.app[SETTINGS]
    given = request.query.get("session_id", "")
    session = given if SESSION_ID.fullmatch(given) else "<the session_id in this page's address>"
    minutes = settings.key_retrieval_seconds // 60
    within = "an hour" if minutes == 60 else f"{minutes} minutes"
    return _page("complete.html", {"API": _api(settings), "SESSION": session, "WITHIN": within})


async def done(request: web.Request) -> web.Response:
    """GET /checkout/done: the sign-up has a claim secret, so whoever started it fetches the key, and nobody here."""
    return _page("done.html", {})


async def cancelled(request: web.Request) -> web.Response:
    """GET /checkout/cancelled."""
    return _page("cancelled.html", {"API": _api(request.app[SETTINGS])})


async def returned(request: web.Request) -> web.Response:
    """GET /checkout/returned: from the customer portal, or from a checkout to subscribe again."""
    return _page("returned.html", {})


async def asset(request: web.Request) -> web.Response:
    """GET /checkout/checkout.css and the other files that the pages load."""
    media_type, text = _ASSETS[request.path.rpartition("/")[2]]
    own = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type=media_type, charset="utf-8", headers=own)


def _page(name: str, values: Mapping[str, str]) -> web.Response:
    text = _FILES[name]
    for key, value in values.items():
        text = text.replace(f"@@{key}@@", escape(value))
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers.PAGE)


def _api(settings: Settings) -> str:
    return settings.public_base
