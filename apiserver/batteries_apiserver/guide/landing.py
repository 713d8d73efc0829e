"""Where strangers land: `/` and `/v1`, the catalog of RFC 9727, robots.txt and the icon.

The first page says what this is and where to begin, in the form that the request prefers: HTML for people, JSON for
programs, Markdown for all others. All addresses in it are whole, because it is served at two places and may be below a
path.
"""

from html import escape
from importlib.resources import files

import orjson
from aiohttp import hdrs, web

from batteries_apiserver.guide.handlers import BRIEFLY, STRICT
from batteries_apiserver.http.accept import accepted, preferred
from batteries_apiserver.http.service_links import SERVICE, service_links
from batteries_apiserver.settings import SETTINGS, Settings

NAME = "AI Batteries Included"
SUMMARY = (
    "An AWS account factory over HTTP: sign up with a card, get an API key, request an account, and minutes later have "
    "an AWS account with console access, single sign-on and a role that your GitHub repositories deploy with."
)
_PLACES = (
    ("guide", "Guide for agents: begin here", "/llms.txt"),
    ("openapi", "OpenAPI document", "/v1/openapi.json"),
    ("reference", "Reference for people, with a form to try requests", "/docs"),
)
_FIRST_REQUEST = "POST /v1/stripe/setup"
FORMS = ("text/markdown", "text/plain", "text/html", "application/json")
LINKSET = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_ICON = (files("batteries_apiserver.billing") / "pages" / "icon.svg").read_text()


async def home(request: web.Request) -> web.Response:
    """GET / and GET /v1."""
    settings = request.app[SETTINGS]
    form = preferred(accepted(request), FORMS)
    text = {"text/html": _html, "application/json": _json}.get(form, _markdown)(settings)
    headers = {**BRIEFLY, **STRICT, hdrs.VARY: hdrs.ACCEPT, hdrs.LINK: service_links(settings)}
    charset = None if form == "application/json" else "utf-8"
    return web.Response(body=text.encode(), content_type=form, charset=charset, headers=headers)


async def api_catalog(request: web.Request) -> web.Response:
    """GET /.well-known/api-catalog: where this API's descriptions are, as a link set (RFC 9264)."""
    settings = request.app[SETTINGS]
    described: dict[str, object] = {"anchor": settings.url_of("/v1")}
    for rel in dict.fromkeys(rel for rel, _, _ in SERVICE):
        targets = [{"href": settings.url_of(path), "type": kind} for each, path, kind in SERVICE if each == rel]
        described[rel] = targets
    headers = {**BRIEFLY, hdrs.CONTENT_TYPE: LINKSET, hdrs.LINK: service_links(settings)}
    return web.Response(body=orjson.dumps({"linkset": [described]}), headers=headers)


async def robots(request: web.Request) -> web.Response:
    """GET /robots.txt: all may be read but the pages with somebody's sign-up or e-mail address."""
    settings = request.app[SETTINGS]
    closed = ("/v1/stripe/session/", "/checkout/", "/confirm-email")
    lines = [f"# {NAME}. The guide for agents: {settings.url_of('/llms.txt')}", "User-agent: *"]
    lines += [f"Disallow: {settings.reference_to(path)}" for path in closed]
    return web.Response(text="\n".join([*lines, "Allow: /", ""]), headers=BRIEFLY)


async def icon(request: web.Request) -> web.Response:
    """GET /favicon.ico, which browsers ask for whatever a page says."""
    return web.Response(text=_ICON, content_type="image/svg+xml", headers={**BRIEFLY, **STRICT})


def _markdown(settings: Settings) -> str:
    places = [f"- [{title}]({settings.url_of(path)})" for _, title, path in _PLACES]
    first = f"The first request is `{_FIRST_REQUEST}` with your e-mail address; everything is under `/v1`."
    return "\n".join([f"# {NAME}", "", f"> {SUMMARY}", "", first, "", *places, ""])


def _json(settings: Settings) -> str:
    body = {
        "name": NAME,
        "summary": SUMMARY,
        "firstRequest": f"{_FIRST_REQUEST} with your e-mail address",
        "api": settings.url_of("/v1"),
        **{name: settings.url_of(path) for name, _, path in _PLACES},
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()


def _html(settings: Settings) -> str:
    places = [f'<li><a href="{escape(settings.url_of(path))}">{title}</a></li>' for _, title, path in _PLACES]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{NAME}</title>",
            '<link rel="icon" href="data:,">',
            f'<link rel="stylesheet" href="{escape(settings.url_of("/docs/docs.css"))}">',
            "</head>",
            "<body>",
            f"<header><h1>{NAME}</h1></header>",
            f"<main><p>{SUMMARY}</p>",
            f"<p>The first request is <code>{_FIRST_REQUEST}</code> with your e-mail address; everything is under "
            "<code>/v1</code>.</p>",
            "<ul>",
            *places,
            "</ul></main>",
            "</body>",
            "</html>",
            "",
        ]
    )
