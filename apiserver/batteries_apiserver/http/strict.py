"""The guard right before every handler of the API: nothing that a caller sends is dropped in silence.

A caller whose wish is ignored reports it as done. So a parameter that the route does not have is a 400, for a change
without a body so is any field, and `read_body` refuses the fields that a model does not have. It runs after the guards
of the key: strangers learn nothing from it.
"""

from typing import Any

from aiohttp import web

from batteries_apiserver.http.body import NoFields, read_body
from batteries_apiserver.http.query import refuse_unknown
from batteries_apiserver.http.route import AnyHandler, Route


def strict(route: Route) -> AnyHandler:
    """The route's handler, which then runs only if the request has no name that the route does not have."""
    handler, query, takes_no_body = route.handler, route.query, route.takes_no_body

    async def checked(request: web.Request, *caller: Any) -> web.StreamResponse:
        refuse_unknown(request, query)
        if takes_no_body and request.body_exists:
            await read_body(request, NoFields, required=False)
        return await handler(request, *caller)

    return checked
