"""What is done around every handler, in one middleware.

A request gets its id, counts towards its caller's limit and is handled within the time that it may take; whatever goes
wrong becomes an answer; the answer carries the id and, where this replica is ending, ends its connection; and it is
logged and counted. One middleware and not five: each of those cost as much as a handler that reads an account.
"""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from batteries_apiserver.answer import CODE
from batteries_apiserver.body import is_being_read
from batteries_apiserver.drain import Drain
from batteries_apiserver.error_answers import answer_to
from batteries_apiserver.error_codes import fault_of
from batteries_apiserver.errors import RequestTimeout
from batteries_apiserver.request_context import OF_THE_REQUEST
from batteries_apiserver.request_log import HEADER, answered, what_to_say
from batteries_apiserver.time_limit import TimeLimits


def every_request(count: Callable[[web.Request], None], time_limits: TimeLimits, drain: Drain) -> Middleware:
    """The middleware; `count` counts a request towards its caller's limit, and raises where it is over it."""

    async def answer(request: web.Request, handler: Handler, begun: float) -> web.StreamResponse:
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
            return answer_to(request, error)
        finally:
            time_limits.end(task)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun, said = time.monotonic(), what_to_say(request)
        told = OF_THE_REQUEST.set(said)
        try:
            response = await answer(request, handler, begun)
            if not response.prepared:
                response.headers[HEADER] = said["request_id"]
                if drain.begun:
                    response.force_close()
            answered(said, response.status, fault_of(response.status, response.get(CODE)), time.monotonic() - begun)
        finally:
            OF_THE_REQUEST.reset(told)
        return response

    return middleware


def _took_too_long(request: web.Request) -> web.StreamResponse:
    """Whose fault it was: the client's, where its body is still to come, else ours."""
    if not is_being_read(request):
        return answer_to(request, TimeoutError("The request took too long."))
    sentence = "The request's body did not come in time. Send the same request again, whole."
    answer = answer_to(request, RequestTimeout("body_timeout", sentence))
    answer.force_close()  # the rest of the body would be taken for the next request
    return answer
