"""Turns every exception into the one error shape: our own errors, aiohttp's, Kubernetes', and bugs.

The invariant: whatever a client sends, each error response is JSON with a sentence and a code, and a 500 means a bug
of ours whose traceback is in the log under the request's id.
"""

from collections.abc import Mapping

import aiohttp
import structlog
from aiohttp import web
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import ApiError, Unavailable
from batteries_apiserver.http.nearest_path import sentence_without
from batteries_apiserver.http.responses import error_response
from batteries_apiserver.http.service_links import service_links
from batteries_apiserver.settings import SETTINGS
from batteries_crds.kube.client import UnreadableError, status_of

log = structlog.get_logger(__name__)


def error_response_for(request: web.Request, error: Exception) -> web.StreamResponse:
    """The response to a request whose handler raised this error."""
    match error:
        case ApiError():
            return _refusal(error, {"Link": service_links(request.app[SETTINGS])} if error.status == 401 else {})
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


def _refusal(error: ApiError, more: Mapping[str, str] | None = None) -> web.Response:
    return error_response(error.status, error.code, error.sentence, {**error.headers, **(more or {})})


def _by_aiohttp(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Errors of aiohttp's router and body reader."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"This path does not support that method; use {allowed}.{_way_out(request)}"
        headers = {"Allow": allowed, "Link": service_links(request.app[SETTINGS])}
        return error_response(405, "method_not_allowed", sentence, headers)
    if isinstance(error, web.HTTPNotFound):
        links = {"Link": service_links(request.app[SETTINGS])}
        return error_response(404, "not_found", sentence_without(request), links)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        limit = request.app._client_max_size
        return error_response(
            413,
            "body_too_large",
            f"The request body is too large; send at most {limit} bytes.",
        )
    if error.status < 400:
        return error
    sentence = f"The request was refused: {error.reason}."
    return error_response(error.status, "refused", sentence)


def _way_out(request: web.Request) -> str:
    """Whoever deletes something else wants to leave, or to stop paying."""
    if request.method != "DELETE" or not request.path.startswith("/v1/"):
        return ""
    reference = request.app[SETTINGS].reference_to
    return (
        f" To leave: DELETE {reference('/v1/accounts/{id}')} closes an account, DELETE {reference('/v1/keys/{id}')} "
        f"revokes a key, and POST {reference('/v1/stripe/portal')} leads to where you cancel."
    )


def _by_kubernetes(error: ApiException) -> web.Response:
    """An error of Kubernetes that no handler expected."""
    status = status_of(error)
    if status in (401, 403):
        # The service account lacks its role, which an administrator has to fix; the caller can only retry.
        log.error("kubernetes_refused", status=status, body=str(error.body)[:500])
        return _refusal(_unavailable())
    if status == 429 or status >= 500 or status == 0:
        log.error("kubernetes_unavailable", status=status, reason=error.reason)
        return _refusal(_unavailable())
    return _bug()


def _unavailable() -> Unavailable:
    return Unavailable(
        "unavailable", "A service that this request needs does not respond. Send the same request again shortly."
    )


def _unreadable() -> Unavailable:
    """503: the input is valid, and a replica of the version that wrote the object may be able to read it."""
    return Unavailable(
        "unavailable",
        "This server can't read the stored object. Send the same request again shortly; if it fails again, tell "
        "support the X-Request-Id of this response.",
    )


def _bug() -> web.Response:
    log.exception("unexpected_error")
    return error_response(
        500,
        "internal_error",
        "Something went wrong on our side. Send the same request again; if it fails again, tell support the "
        "X-Request-Id of this response.",
    )
