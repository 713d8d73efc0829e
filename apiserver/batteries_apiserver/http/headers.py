"""The headers of every response: security headers for browsers, and the caller's remaining rate limit.

They are added just before a response is sent, whichever code made it. Headers that a handler has set itself (a page
with its own policy, a response that may be cached) are kept.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web
from multidict import istr

from batteries_apiserver.settings import Settings

SECURITY = {
    hdrs.CACHE_CONTROL: "no-store",
    istr("Content-Security-Policy"): "default-src 'none'; frame-ancestors 'none'",
    istr("Cross-Origin-Resource-Policy"): "same-origin",
    istr("Referrer-Policy"): "no-referrer",
    istr("X-Content-Type-Options"): "nosniff",
    istr("X-Frame-Options"): "DENY",
}
_A_YEAR = 365 * 24 * 60 * 60

SHOWN_ONCE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-store", istr("Referrer-Policy"): "no-referrer"}
"""For what is shown once: no cache may keep it, and links must not leak the address."""

PAGE: Mapping[str, str] = {
    **SHOWN_ONCE,
    istr("Content-Security-Policy"): "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    istr("Cross-Origin-Opener-Policy"): "same-origin",
    istr("X-Content-Type-Options"): "nosniff",
    istr("X-Robots-Tag"): "noindex",
}
"""For our own HTML pages: they load only this server's own files, and can't be framed."""

RATE_LIMIT_HEADERS = web.RequestKey("rate limit headers", dict[str, str])
"""The rate limit headers of this request's response."""

OnPrepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def secure(response: web.StreamResponse) -> None:
    """Sets the security headers that the response does not have yet."""
    headers = response.headers
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    # The library's name and version would help only attackers.
    headers[hdrs.SERVER] = "batteries"


def add_headers(settings: Settings) -> OnPrepare:
    """Returns the signal handler that adds the headers before a response is sent."""
    transport_security = f"max-age={_A_YEAR}" if settings.public_url.scheme == "https" else None

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        secure(response)
        if transport_security is not None:
            response.headers.setdefault("Strict-Transport-Security", transport_security)
        if (limit := request.get(RATE_LIMIT_HEADERS)) is not None:
            response.headers.update(limit)

    return add
