"""/healthz: the process runs. /readyz: its caches are current, so it should get requests."""

from typing import Literal

from aiohttp import web
from typing_extensions import TypedDict

from batteries_apiserver.http.drain import DRAIN
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.http.route import Access, Response, Route, Tag
from batteries_apiserver.kube.clients import KUBE


async def live(request: web.Request) -> web.Response:
    """GET /healthz: 200. It checks nothing else, because a restart would not help if Kubernetes is unreachable."""
    return json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """GET /readyz: 200, or 503 with the reason."""
    unready_reason = "This replica is shutting down." if request.app[DRAIN].begun else request.app[KUBE].unready_reason
    if unready_reason is not None:
        raise Unavailable("not_ready", unready_reason)
    return json_response({"status": "ok"})


class Health(TypedDict):
    """The response of a healthy replica."""

    status: Literal["ok"]


ROUTES = (
    Route(
        method="GET",
        path="/healthz",
        handler=live,
        access=Access.ANYONE,
        tag=Tag.HEALTH,
        summary="Liveness: does the process run?",
        responses={200: Response("The process runs", Health)},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=ready,
        access=Access.ANYONE,
        tag=Tag.HEALTH,
        summary="Readiness: should this replica get requests?",
        responses={200: Response("The replica is ready", Health)},
        errors=("not_ready",),
    ),
)
