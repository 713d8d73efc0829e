"""Content-Encoding of request bodies: gzip and deflate are undone here, into no more bytes than a body may have.

aiohttp's own way is switched off (`malformed.Runner`): it takes an encoding that it does not know for malformed HTTP,
and logs a broken one as an error of ours, with a traceback.
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
    """The encoding that the Content-Encoding headers name; None for none.

    Raises:
        UnsupportedMediaType: it is none of ours, or there are several.
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
        f"The request's Content-Encoding is not one that this server reads. Send the body uncompressed, or as one of: "
        f"{ACCEPTED}.",
        {"Accept-Encoding": ACCEPTED},
    )


def decoded(raw: bytes, encoding: str | None, limit: int) -> bytes:
    """The body without its encoding.

    Raises:
        BadRequest: it is not what its encoding says.
        web.HTTPRequestEntityTooLarge: it has more than `limit` bytes; no more than those are made of it.
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
    """400: the body broke off, or is not what its headers say."""
    return BadRequest(
        "unreadable_body",
        "The request's body can't be read. Send it whole, and uncompressed or as its Content-Encoding says.",
    )


def _window(raw: bytes, encoding: str) -> int:
    if encoding == "gzip":
        return _GZIP
    # "deflate" is zlib's format (RFC 9110), and some clients send it without zlib's header.
    return zlib.MAX_WBITS if raw[0] & 0xF == _ZLIB_METHOD else -zlib.MAX_WBITS
