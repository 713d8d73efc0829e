"""Logs and counts each request: one line, and one count under its route.

A caller's X-Request-Id is used if it is harmless; otherwise a new one is made. It is sent back, and bound to every log
line of the request, as is the account's id once that is known. Lines and metrics name the route, never the path: paths
hold session ids and whatever scanners send.
"""

import itertools
import re
import secrets
from functools import lru_cache
from typing import Any

from aiohttp import web
from multidict import istr
from prometheus_client import Counter, Histogram

from batteries_apiserver.runtime import metrics
from batteries_crds.runtime.logs import FrequentEvent

log_request = FrequentEvent(__name__, "request")

HEADER: str = istr("X-Request-Id")
_HARMLESS = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_OURS = secrets.token_hex(8)
"""The prefix of request ids made by this process; a number follows."""
_numbers = itertools.count(1)


def request_id_of(request: web.BaseRequest) -> str:
    """The caller's own id for the request, or a new one."""
    given = request.headers.get(HEADER)
    return given if given and _HARMLESS.fullmatch(given) else f"{_OURS}-{next(_numbers):x}"


def log_context(request: web.Request) -> dict[str, Any]:
    """What every log line of the request carries."""
    resource = request.match_info.route.resource
    return {
        "request_id": request_id_of(request),
        "method": request.method if request.method in _METHODS else "other",
        "route": resource.canonical if resource is not None else "unmatched",
    }


def log_response(context: dict[str, Any], status: int, fault: str, seconds: float) -> None:
    """Logs and counts one response and its duration in seconds."""
    log_request(status=status, milliseconds=round(seconds * 1000, 1), **context)
    count, duration = _meters(context["method"], context["route"], status, fault)
    count.inc()
    duration.observe(seconds)


@lru_cache(maxsize=2048)
def _meters(method: str, route: str, status: int, fault: str) -> tuple[Counter, Histogram]:
    """The metric series of such a request, cached because the lookup takes longer than counting."""
    labels = (method, route, str(status))
    return metrics.REQUESTS.labels(*labels, fault), metrics.REQUEST_SECONDS.labels(*labels)
