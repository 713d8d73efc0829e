"""The one middleware around every handler.

It gives the request an id, counts it towards its caller's rate limit, enforces the time limit, and turns exceptions
into responses. Each response carries the id, closes its connection if this replica is shutting down, and is logged
and counted. It is one middleware and not five, because each of the five took as long as a handler that reads an
account.
"""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from batteries_apiserver.http.body import is_being_read
from batteries_apiserver.http.drain import Drain
from batteries_apiserver.http.error_codes import fault_of
from batteries_apiserver.http.error_responses import error_response_for
from batteries_apiserver.http.errors import RequestTimeout
from batteries_apiserver.http.request_context import LOG_CONTEXT
from batteries_apiserver.http.request_log import HEADER, log_context, log_response
from batteries_apiserver.http.responses import CODE
from batteries_apiserver.http.time_limit import TimeLimits


def request_middleware(count: Callable[[web.Request], None], time_limits: TimeLimits, drain: Drain) -> Middleware:
    """The middleware. `count` counts a request towards its caller's limit, and raises if that is exceeded."""

    async def respond(request: web.Request, handler: Handler, begun: float) -> web.StreamResponse:
        task = request.task
        time_limits.begin(task, begun)
        try:
            count(request)
            return await handler(request)
        except asyncio.CancelledError:
            if not time_limits.end(task):
                raise
            task.uncancel()
            return _took_too_long(request)
        except Exception as error:
            return error_response_for(request, error)
        finally:
            time_limits.end(task)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun, context = time.monotonic(), log_context(request)
        token = LOG_CONTEXT.set(context)
        try:
            response = await respond(request, handler, begun)
            if not response.prepared:
                response.headers[HEADER] = context["request_id"]
                if drain.begun:
                    response.force_close()
            log_response(
                context, response.status, fault_of(response.status, response.get(CODE)), time.monotonic() - begun
            )
        finally:
            LOG_CONTEXT.reset(token)
        return response

    return middleware


def _took_too_long(request: web.Request) -> web.StreamResponse:
    """408 if the client has not sent the whole body, which is the client's fault; otherwise 503, which is ours."""
    if not is_being_read(request):
        return error_response_for(request, TimeoutError("The request took too long."))
    sentence = "The request body did not arrive in time. Send the whole request again."
    response = error_response_for(request, RequestTimeout("body_timeout", sentence))
    response.force_close()  # otherwise the rest of the body would be read as the next request
    return response
