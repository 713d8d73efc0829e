"""The outermost middleware: gives each request its id, and logs and counts its answer.

X-Request-Id is taken from the caller where it is harmless, made otherwise, sent back, and bound to every log line of
the request; so is the id of the account that it is about, once that is found. Lines and metrics name the route, never
the path: paths hold session ids and whatever scanners think of.
"""

import re
import time
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from batteries_apiserver import metrics

log = structlog.get_logger(__name__)

HEADER = "X-Request-Id"
REQUEST_ID = web.RequestKey("request_id", str)
_HARMLESS = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_id_of(request: web.BaseRequest) -> str:
    """The caller's own id for the request, or a new one."""
    given = request.headers.get(HEADER, "")
    return given if _HARMLESS.fullmatch(given) else str(uuid4())


@web.middleware
async def request_log_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Runs the request under its id."""
    request_id = request_id_of(request)
    request[REQUEST_ID] = request_id
    method = request.method if request.method in _METHODS else "other"
    begun = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request_id, method=method, route=_route(request)):
        response = await handler(request)
        seconds = time.perf_counter() - begun
        if not response.prepared:
            response.headers[HEADER] = request_id
        log.info("request", status=response.status, milliseconds=round(seconds * 1000, 1))
    labels = (method, _route(request), str(response.status))
    metrics.REQUESTS.labels(*labels).inc()
    metrics.REQUEST_SECONDS.labels(*labels).observe(seconds)
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
