"""Content-Encoding of request bodies: decompresses gzip and deflate, up to the largest body that we accept.

aiohttp's own decompression is switched off (`malformed.Runner`): it treats an unknown encoding as malformed HTTP, and
logs a corrupt body as a server error, with a traceback.
"""

import zlib
from collections.abc import Iterable

from aiohttp import web

from batteries_apiserver.http.errors import BadRequest, UnsupportedMediaType

ACCEPTED = "gzip, deflate"

_GZIP = zlib.MAX_WBITS | 16
_ZLIB_METHOD = 8
_NOT_ENCODED = frozenset({"", "identity"})


def encoding_of(headers: Iterable[str]) -> str | None:
    """Returns the encoding that the Content-Encoding headers name, or None.

    Raises:
        UnsupportedMediaType: we don't support it, or there is more than one.
    """
    named = [each.strip().lower() for header in headers for each in header.split(",")]
    encodings = [each for each in named if each not in _NOT_ENCODED]
    if not encodings:
        return None
    if encodings in (["gzip"], ["x-gzip"]):
        return "gzip"
    if encodings == ["deflate"]:
        return "deflate"
    raise UnsupportedMediaType(
        "unsupported_encoding",
        f"This server does not support the request's Content-Encoding. Send the body uncompressed, or use one of: "
        f"{ACCEPTED}.",
        {"Accept-Encoding": ACCEPTED},
    )


def decoded(raw: bytes, encoding: str | None, limit: int) -> bytes:
    """Returns the decompressed body.

    Raises:
        BadRequest: the body does not match its encoding.
        web.HTTPRequestEntityTooLarge: it decompresses to more than `limit` bytes; decompression stops there.
    """
    if encoding is None or not raw:
        return raw
    stream = zlib.decompressobj(_window(raw, encoding))
    try:
        body = stream.decompress(raw, limit + 1)
    except zlib.error as error:
        raise unreadable() from error
    if len(body) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    if not stream.eof or stream.unused_data:
        raise unreadable()
    return body


def unreadable() -> BadRequest:
    """400: the body was cut off, or does not match its headers."""
    return BadRequest(
        "unreadable_body",
        "The request body was cut off, or does not match its Content-Encoding. Send the whole request again.",
    )


def _window(raw: bytes, encoding: str) -> int:
    if encoding == "gzip":
        return _GZIP
    # "deflate" means zlib's format (RFC 9110), but some clients send it without zlib's header.
    return zlib.MAX_WBITS if raw[0] & 0xF == _ZLIB_METHOD else -zlib.MAX_WBITS
