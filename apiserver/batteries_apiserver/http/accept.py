"""Content negotiation (RFC 9110, section 12.5.1): which of our forms of a page a request prefers."""

import re
from collections.abc import Sequence

from aiohttp import hdrs, web

_RANGE = re.compile(r"\s*([\w*.+-]+/[\w*.+-]+)\s*((?:;[^,]*)?)", re.ASCII)
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)

_NOT_ACCEPTED = 0.0, 0, 0


def accepted(request: web.Request) -> str:
    """The request's Accept headers as one."""
    return ",".join(request.headers.getall(hdrs.ACCEPT, []))


def named(request: web.Request) -> list[str]:
    """The media types and wildcards that the request accepts, in its order, without their parameters."""
    return [part.partition(";")[0].strip().lower() for part in accepted(request).split(",")]


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Returns the offered media type that the header prefers, the first if it accepts none.

    Of equal qualities, a type that is named comes before one that a wildcard accepts, and then what is named first.
    """
    ranges: dict[str, float] = {}
    for part in accept[:1000].split(","):
        found = _RANGE.fullmatch(part)
        if found is not None:
            quality = _QUALITY.search(found[2])
            ranges[found[1].lower()] = float(quality[1]) if quality else 1.0
    return max(offered, key=lambda kind: _rank(kind, ranges))


def _rank(kind: str, ranges: dict[str, float]) -> tuple[float, int, int]:
    """By the most specific range that contains the type: its quality, how specific it is, and how early it comes."""
    order = list(ranges)
    for distance, each in enumerate((kind, f"{kind.partition('/')[0]}/*", "*/*")):
        if ranges.get(each):
            return ranges[each], -distance, -order.index(each)
        if each in ranges:
            break  # it is refused, which is no better than not to be named
    return _NOT_ACCEPTED
