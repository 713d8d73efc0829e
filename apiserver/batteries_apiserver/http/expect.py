"""Answers the Expect header in our error shape: aiohttp's own refusal would bypass the middlewares."""

from aiohttp import HttpVersion11, hdrs, web

from batteries_apiserver.http.request_log import HEADER, request_id_of
from batteries_apiserver.http.responses import error_response


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Says to go on, or that no other expectation is known; an HTTP/1.0 client knows no such answer (RFC 9110)."""
    if request.version < HttpVersion11:
        return None
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        return unknown_expectation(request)
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


def unknown_expectation(request: web.BaseRequest) -> web.Response:
    """417."""
    sentence = "The only expectation that is known here is 100-continue."
    return error_response(417, "expectation_failed", sentence, {HEADER: request_id_of(request)})
