"""Handles the Expect header with our error shape: aiohttp's own 417 would bypass the middleware."""

from aiohttp import HttpVersion11, hdrs, web

from batteries_apiserver.http.request_log import HEADER, request_id_of
from batteries_apiserver.http.responses import error_response


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Sends 100 Continue, or returns 417 for any other expectation. HTTP/1.0 clients know neither (RFC 9110)."""
    if request.version < HttpVersion11:
        return None
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        return unknown_expectation(request)
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


def unknown_expectation(request: web.BaseRequest) -> web.Response:
    """417."""
    sentence = "The only supported value of the Expect header is 100-continue."
    return error_response(417, "expectation_failed", sentence, {HEADER: request_id_of(request)})
