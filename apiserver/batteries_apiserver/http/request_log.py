"""What is written down of each request: one line, and one count under its route.

X-Request-Id is taken from the caller where it is harmless, made otherwise, sent back, and bound to every log line of
the request; so is the id of the account that it is about, once that is found. Lines and metrics name the route, never
the path: paths hold session ids and whatever scanners think of.
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
"""Tells this process's requests from those of all others; a number tells them apart."""
_numbers = itertools.count(1)


def request_id_of(request: web.BaseRequest) -> str:
    """The caller's own id for the request, or a new one."""
    given = request.headers.get(HEADER)
    return given if given and _HARMLESS.fullmatch(given) else f"{_OURS}-{next(_numbers):x}"


def log_context(request: web.Request) -> dict[str, Any]:
    """What every line of the request says."""
    resource = request.match_info.route.resource
    return {
        "request_id": request_id_of(request),
        "method": request.method if request.method in _METHODS else "other",
        "route": resource.canonical if resource is not None else "unmatched",
    }


def log_response(context: dict[str, Any], status: int, fault: str, seconds: float) -> None:
    """The line and the count of a request that was answered after so many seconds."""
    log_request(status=status, milliseconds=round(seconds * 1000, 1), **context)
    count, duration = _meters(context["method"], context["route"], status, fault)
    count.inc()
    duration.observe(seconds)


@lru_cache(maxsize=2048)
def _meters(method: str, route: str, status: int, fault: str) -> tuple[Counter, Histogram]:
    """The series of such a request: looking them up takes longer than counting."""
    labels = (method, route, str(status))
    return metrics.REQUESTS.labels(*labels, fault), metrics.REQUEST_SECONDS.labels(*labels)
