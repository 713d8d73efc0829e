"""/healthz: the process runs. /readyz: its knowledge is current, so that it should get requests."""

from aiohttp import web

from batteries_apiserver.answer import json_answer
from batteries_apiserver.app_keys import KUBE
from batteries_apiserver.errors import Unavailable


async def live(request: web.Request) -> web.Response:
    """GET /healthz: 200. A restart would not help where Kubernetes is away, so nothing else is asked here."""
    return json_answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """GET /readyz: 200, or 503 with the reason."""
    trouble = request.app[KUBE].trouble
    if trouble is not None:
        raise Unavailable("not_ready", trouble)
    return json_answer({"status": "ok"})
