"""The page that the link in the mail opens. Loading it changes nothing; its button confirms the address."""

from importlib.resources import files

from aiohttp import web

from batteries_apiserver.http.headers import PAGE

_FOLDER = files(__package__) / "pages"
_PAGE, _SCRIPT = (_FOLDER / "confirm.html").read_text(), (_FOLDER / "confirm.js").read_text()


async def show(request: web.Request) -> web.Response:
    """GET /confirm-email."""
    return web.Response(text=_PAGE, content_type="text/html", charset="utf-8", headers=PAGE)


async def script(request: web.Request) -> web.Response:
    """GET /confirm-email.js."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=_SCRIPT, content_type="text/javascript", charset="utf-8", headers=headers)
