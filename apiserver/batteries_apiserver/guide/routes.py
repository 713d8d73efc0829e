"""The routes of the API's own description."""

from typing import Any

from batteries_apiserver.guide import handlers, landing
from batteries_apiserver.http.route import Access, AnyHandler, Response, Route, Tag


def _page(path: str, handler: AnyHandler, summary: str, media_type: str) -> Route:
    responses = {200: Response(summary, media_types=(media_type,))}
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary=summary,
        responses=responses,
    )


ROUTES = (
    Route(
        method="GET",
        path="/",
        handler=landing.home,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="What this is and where to begin, as HTML, Markdown or JSON",
        responses={200: Response("The page", media_types=landing.FORMS)},
    ),
    Route(
        method="GET",
        path="/v1",
        handler=landing.home,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="The same as /",
        responses={200: Response("The page", media_types=landing.FORMS)},
    ),
    Route(
        method="GET",
        path="/v1/openapi.json",
        handler=handlers.openapi,
        access=Access.ANYONE,
        tag=Tag.GUIDE,
        summary="Read this API's OpenAPI document",
        responses={200: Response("OpenAPI 3.1", dict[str, Any])},
    ),
    Route(
        method="GET",
        path="/v1/llms.txt",
        handler=handlers.llms,
        access=Access.ANYONE,
        tag=Tag.GUIDE,
        summary="Read the guide for agents",
        details="How to get from no account to a deployment, in the format of llmstxt.org.",
        responses={200: Response("Markdown", media_types=("text/plain",))},
    ),
    _page("/openapi.json", handlers.openapi, "The same as /v1/openapi.json", "application/json"),
    _page(
        "/.well-known/api-catalog",
        landing.api_catalog,
        "Where this API's descriptions are (RFC 9727)",
        "application/linkset+json",
    ),
    _page("/robots.txt", landing.robots, "What crawlers may read", "text/plain"),
    _page("/favicon.ico", landing.icon, "The icon of the pages", "image/svg+xml"),
    _page("/llms.txt", handlers.llms, "The guide for agents, at the path that agents expect", "text/plain"),
    _page(
        "/docs",
        handlers.page("docs.html", "text/html"),
        "API reference for people, with a form to try requests",
        "text/html",
    ),
    _page(
        "/docs/docs.js", handlers.page("docs.js", "text/javascript"), "Script of the API reference", "text/javascript"
    ),
    _page("/docs/docs.css", handlers.page("docs.css", "text/css"), "Style sheet of the API reference", "text/css"),
)
