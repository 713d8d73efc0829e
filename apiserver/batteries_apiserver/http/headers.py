"""The headers of every answer: what browsers must not do with it, and what is left of the caller's rate limit.

Put on when an answer is about to be sent, whoever made it. A handler that knows better (a page with its own policy, an
answer that may be cached) has set its own, and those stay.
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
"""For what is shown once: no cache may keep it, and the address may not leak by a link."""

PAGE: Mapping[str, str] = {
    **SHOWN_ONCE,
    istr("Content-Security-Policy"): "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    istr("Cross-Origin-Opener-Policy"): "same-origin",
    istr("X-Content-Type-Options"): "nosniff",
    istr("X-Robots-Tag"): "noindex",
}
"""For our own HTML pages: they load this server's own files alone, and no frame holds them."""

RATE_LIMIT_HEADERS = web.RequestKey("rate limit headers", dict[str, str])
"""What the answer to this request says of its rate limit."""

OnPrepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def secure(response: web.StreamResponse) -> None:
    """Sets what is not set."""
    headers = response.headers
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    # Which library in which version answers is of use to attackers alone.
    headers[hdrs.SERVER] = "batteries"


def add_headers(settings: Settings) -> OnPrepare:
    """What to do with each answer before it is sent."""
    transport_security = f"max-age={_A_YEAR}" if settings.public_url.scheme == "https" else None

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        secure(response)
        if transport_security is not None:
            response.headers.setdefault("Strict-Transport-Security", transport_security)
        if (limit := request.get(RATE_LIMIT_HEADERS)) is not None:
            response.headers.update(limit)

    return add
