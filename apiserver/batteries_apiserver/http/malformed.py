"""The one error shape for requests that never reach the middleware: malformed HTTP, and Expect on unknown paths.

aiohttp's own responses would be plain text, and its log line would quote the broken header, which may be the one with
the key.
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
"""Errors that the client causes: a body that does not match its headers, or a broken connection."""


class _Connection(RequestHandler):
    """aiohttp's connection with our error handling."""

    __slots__ = ()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Logs errors outside of handlers; those that the client caused at debug, without a traceback."""
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
        """The response to a malformed request (4xx), or to an error outside of the middleware (5xx)."""
        request_id = request_id_of(request)
        log.warning("malformed_request", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun; another can't follow.")
        headers = {HEADER: request_id}
        if status >= 500:
            sentence = "Something went wrong on our side. Send the same request again shortly."
            response = error_response(500, "internal_error", sentence, headers)
        else:
            sentence = "This is not a well-formed HTTP request, or one of its lines is too long."
            response = error_response(400, "malformed_request", sentence, headers)
        secure(response)
        response.force_close()
        return response


class _Server(web.Server):
    """A server whose connections are ours."""

    def __call__(self) -> Any:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application so that even malformed HTTP gets a response in its error shape."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        async def handle(request: Any) -> web.StreamResponse:
            try:
                return await made.request_handler(request)
            except web.HTTPExpectationFailed:
                # For unknown paths, aiohttp's own handler checks the header.
                return unknown_expectation(request)

        return _Server(
            handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            # We decompress bodies ourselves: see `content_encoding`.
            **{**made._kwargs, "auto_decompress": False},
        )
