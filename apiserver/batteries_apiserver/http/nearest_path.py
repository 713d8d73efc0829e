"""The path that a caller probably meant, for the 404 of one that does not exist.

Only paths as the routes have them are named (`/v1/accounts/{id}`), never what the caller wrote: that may be a secret.
And only named, not redirected to: a client that follows a redirect may drop the key or the body of a POST, and clients
that don't follow would need to read the sentence anyway. So one rule holds for every method.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from aiohttp import web

from batteries_apiserver.http.route import Route
from batteries_apiserver.settings import SETTINGS

_VERSION = "v1"
_ANY_VERSION = re.compile(r"v\d{1,3}")
_ALSO = {
    "/openapi": "/openapi.json",
    "/openapi.yaml": "/openapi.json",
    "/swagger.json": "/openapi.json",
    "/swagger": "/docs",
    "/redoc": "/docs",
    "/signup": "/v1/stripe/setup",
    "/register": "/v1/stripe/setup",
    "/status": "/readyz",
    "/v1/me": "/v1/customer",
    "/v1/subscription": "/v1/stripe/portal",
    "/v1/billing": "/v1/stripe/portal",
    "/v1/cancel": "/v1/stripe/portal",
}
"""What other APIs call a place, and what it is here."""
_MOST_SEGMENTS, _LONGEST_SEGMENT = 8, 64
_SIMILAR = 0.7


class _Node:
    """The paths that begin with the same segments."""

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.path: str | None = None
        """The path that ends here, if a route has it."""

    def child(self, segment: str) -> "_Node | None":
        """What comes after this segment: the same, in another case or number, misspelled, or a parameter's value."""
        if segment in self.below:
            return self.below[segment]
        close = get_close_matches(segment, self.below, n=1, cutoff=_SIMILAR)
        return self.below[close[0]] if close else self.parameter


class Paths:
    """The paths of all routes, with their methods."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._methods: dict[str, list[str]] = {}
        for route in routes:
            self._methods.setdefault(route.path, []).append(route.method)
        for path, meant in {**_ALSO, **{path: path for path in self._methods}}.items():
            if meant in self._methods:
                self._add(path, meant)

    def nearest(self, path: str) -> str | None:
        """The path that was probably meant, or the longest beginning of it that exists; None if there is neither.

        The start of all paths, /v1, is only the answer to itself.
        """
        given = [segment.lower()[:_LONGEST_SEGMENT] for segment in path.split("/") if segment][:_MOST_SEGMENTS]
        if not given:
            return "/"
        given = [_VERSION if _ANY_VERSION.fullmatch(segment) else segment for segment in given]
        found = [self._walk(segments) for segments in _variants(given)]
        whole = next((ends[-1] for ends in found if ends and ends[-1] is not None), None)
        parts = [[one for one in ends if one not in (None, f"/{_VERSION}")] for ends in found]
        return whole or max((ends[-1] or "" for ends in parts if ends), key=lambda one: one.count("/"), default=None)

    def methods(self, path: str) -> str:
        """The methods of a path, as a list for people."""
        return ", ".join(sorted(self._methods[path]))

    def _add(self, path: str, meant: str) -> None:
        node = self._root
        for segment in path.split("/")[1:] if path != "/" else ():
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.below.setdefault(segment, _Node())
        node.path = meant

    def _walk(self, segments: list[str]) -> list[str | None]:
        """The path that ends at each segment, as far as the segments lead; None where they only lead on or nowhere."""
        ends: list[str | None] = []
        node: _Node | None = self._root
        for segment in segments:
            node = node.child(segment) if node is not None else None
            ends.append(node.path if node is not None else None)
        return ends


def _variants(given: list[str]) -> Iterator[list[str]]:
    """As it was written; with the version; without what a proxy or another API has in front of it."""
    for start in range(len(given)):
        yield given[start:]
        if given[start : start + 1] != [_VERSION]:
            yield [_VERSION, *given[start:]]


PATHS = web.AppKey("paths", Paths)


def sentence_without(request: web.Request) -> str:
    """What a 404 says: that nothing is there, what was probably meant, and where to begin."""
    reference, paths = request.app[SETTINGS].reference_to, request.app[PATHS]
    nearest = paths.nearest(request.path)
    meant = f" Did you mean {reference(nearest)} ({paths.methods(nearest)})?" if nearest is not None else ""
    return f"There is nothing at this path.{meant} Begin with the guide: GET {reference('/llms.txt')}."
