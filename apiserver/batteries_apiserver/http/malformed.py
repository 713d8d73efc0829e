"""Answers what never reaches the middlewares in the one error shape: what is no HTTP, and Expect on unknown paths.

aiohttp's own answers would be plain text, and its log line would quote the broken header, which may well be the one
with the key.
"""

from typing import Any

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from batteries_apiserver.http.expect import unknown_expectation
from batteries_apiserver.http.headers import secure
from batteries_apiserver.http.request_log import HEADER, request_id_of
from batteries_apiserver.http.responses import error_response

log = structlog.get_logger(__name__)

CLIENTS_DOING = (HttpProcessingError, ClientPayloadError, web.RequestPayloadError, ConnectionError)
"""A body that is not what its headers say, read on after the answer, or a connection that broke off."""


class _Connection(RequestHandler):
    """One connection; everything but its errors is aiohttp's."""

    __slots__ = ()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """What goes wrong beside a handler; where it was the client's doing, at debug and without a traceback."""
        error = kwargs.get("exc_info")
        if isinstance(error, CLIENTS_DOING):
            log.debug("client_failed", error=type(error).__name__)
        else:
            super().log_exception(*args, **kwargs)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be read (4xx), or to what went wrong outside of the middlewares (5xx)."""
        request_id = request_id_of(request)
        log.warning("malformed_request", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; another can't follow.")
        headers = {HEADER: request_id}
        if status >= 500:
            sentence = "Something went wrong on our side. Send the same request again shortly."
            response = error_response(500, "internal_error", sentence, headers)
        else:
            sentence = "This is not a well-formed HTTP request, or a line of it is too long."
            response = error_response(400, "malformed_request", sentence, headers)
        secure(response)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes our connections."""

    def __call__(self) -> Any:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application so that even what is no HTTP is answered in its error shape."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        async def handle(request: Any) -> web.StreamResponse:
            try:
                return await made.request_handler(request)
            except web.HTTPExpectationFailed:
                # A path that nobody registered has aiohttp's own handler for the header.
                return unknown_expectation(request)

        return _Server(
            handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            # Not by aiohttp: see `content_encoding`.
            **{**made._kwargs, "auto_decompress": False},
        )
