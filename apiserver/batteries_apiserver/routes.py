"""All routes of the server, and their registration with aiohttp.

Each resource's routes are in its own folder; this joins them, and puts the right guard before each handler.
"""

from collections.abc import Iterable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler

from batteries_apiserver import health
from batteries_apiserver.accounts import routes as accounts
from batteries_apiserver.admin import routes as admin
from batteries_apiserver.auth.access import with_admin_key, with_key, with_scope
from batteries_apiserver.billing import routes as billing
from batteries_apiserver.customers import routes as customers
from batteries_apiserver.events import routes as events
from batteries_apiserver.guide import routes as guide
from batteries_apiserver.http.expect import expect
from batteries_apiserver.http.route import Access, Route
from batteries_apiserver.http.strict import strict
from batteries_apiserver.keys import routes as keys
from batteries_apiserver.tokens import routes as tokens

ROUTES: tuple[Route, ...] = (
    *accounts.ROUTES,
    *tokens.ROUTES,
    *events.ROUTES,
    *keys.ROUTES,
    *customers.ROUTES,
    *admin.ROUTES,
    *billing.ROUTES,
    *guide.ROUTES,
    *health.ROUTES,
)


def registered(routes: Iterable[Route]) -> Iterator[web.RouteDef]:
    """The routes as aiohttp's route definitions."""
    for route in routes:
        options = {"allow_head": route.head} if route.method == "GET" else {}
        yield web.RouteDef(route.method, route.path, _guarded(route), {"expect_handler": expect, **options})


def _guarded(route: Route) -> Handler:
    handler = strict(route) if route.refuses_unknown else route.handler
    if route.access is Access.ANYONE:
        return handler
    if not route.is_read_only:
        handler = with_scope(handler, route.scopes)
    if route.access is Access.ADMIN:
        return with_admin_key(handler, wrong_key_is_401=route.wrong_key_is_401)
    return with_key(handler, route.requirement)
