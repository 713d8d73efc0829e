"""Turns everything that goes wrong into the one error shape: our refusals, aiohttp's, Kubernetes' and our own bugs.

The invariant: whatever is sent, the answer to a request that reaches the application is JSON with a sentence and a
code, and a 500 means a bug of ours whose traceback is in the log under the request's id.
"""

import aiohttp
import structlog
from aiohttp import web
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import ApiError, Unavailable
from batteries_apiserver.http.responses import error_response
from batteries_crds.kube.client import UnreadableError, status_of

log = structlog.get_logger(__name__)


def error_response_for(request: web.Request, error: Exception) -> web.StreamResponse:
    """The answer to a request that came to this error."""
    match error:
        case ApiError():
            return _refusal(error)
        case web.HTTPException():
            return _by_aiohttp(request, error)
        case ApiException():
            return _by_kubernetes(error)
        case UnreadableError():
            log.error("object_unreadable", object=error.key, reason=error.reason)
            return _refusal(_unreadable())
        case aiohttp.ClientError() | TimeoutError() | OSError():
            log.error("upstream_unreachable", error=f"{type(error).__name__}: {error}")
            return _refusal(_unavailable())
        case _:
            return _bug()


def _refusal(error: ApiError) -> web.Response:
    return error_response(error.status, error.code, error.sentence, error.headers)


def _by_aiohttp(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """What the router and the body reader refuse."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"This path does not take that method; it takes {allowed}."
        return error_response(405, "method_not_allowed", sentence, {"Allow": allowed})
    if isinstance(error, web.HTTPNotFound):
        return error_response(404, "not_found", "There is nothing at this path. The API's paths begin with /v1.")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        limit = request.app._client_max_size
        return error_response(
            413,
            "body_too_large",
            f"The request's body is too large; send at most {limit} bytes.",
        )
    if error.status < 400:
        return error
    sentence = f"The request was refused: {error.reason}."
    return error_response(error.status, "refused", sentence)


def _by_kubernetes(error: ApiException) -> web.Response:
    """A refusal by Kubernetes that no handler expected."""
    status = status_of(error)
    if status in (401, 403):
        # Ours to mend, by giving the service account its role; the caller can only come back.
        log.error("kubernetes_refused", status=status, body=str(error.body)[:500])
        return _refusal(_unavailable())
    if status == 429 or status >= 500 or status == 0:
        log.error("kubernetes_unavailable", status=status, reason=error.reason)
        return _refusal(_unavailable())
    return _bug()


def _unavailable() -> Unavailable:
    return Unavailable(
        "unavailable", "A service that this needs does not answer right now. Send the same request again shortly."
    )


def _unreadable() -> Unavailable:
    """Another replica, of the version that wrote it, may know better; nobody's input is wrong."""
    return Unavailable(
        "unavailable",
        "What this is about is stored in a form that this server does not know. Send the same request again shortly; "
        "if it fails again, tell support the X-Request-Id of this answer.",
    )


def _bug() -> web.Response:
    log.exception("unexpected_error")
    return error_response(
        500,
        "internal_error",
        "Something went wrong on our side. Send the same request again; if it fails again, tell support the "
        "X-Request-Id of this answer.",
    )
