"""/healthz: the process runs. /readyz: its knowledge is current, so that it should get requests."""

from typing import Literal

from aiohttp import web
from typing_extensions import TypedDict

from batteries_apiserver.answer import json_answer
from batteries_apiserver.drain import DRAIN
from batteries_apiserver.errors import Unavailable
from batteries_apiserver.kube import KUBE
from batteries_apiserver.route import Access, Answer, Route, Tag


async def live(request: web.Request) -> web.Response:
    """GET /healthz: 200. A restart would not help where Kubernetes is away, so nothing else is asked here."""
    return json_answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """GET /readyz: 200, or 503 with the reason."""
    trouble = "This replica is ending." if request.app[DRAIN].begun else request.app[KUBE].trouble
    if trouble is not None:
        raise Unavailable("not_ready", trouble)
    return json_answer({"status": "ok"})


class Health(TypedDict):
    """That all is well."""

    status: Literal["ok"]


ROUTES = (
    Route(
        method="GET",
        path="/healthz",
        handler=live,
        access=Access.ANYONE,
        tag=Tag.HEALTH,
        summary="Liveness: does the process run?",
        answers={200: Answer("It runs", Health)},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=ready,
        access=Access.ANYONE,
        tag=Tag.HEALTH,
        summary="Readiness: should this replica get requests?",
        answers={200: Answer("It should", Health)},
        errors=("not_ready",),
    ),
)
