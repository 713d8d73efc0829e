"""Which operation of a REST service a request is, from botocore's own model: a hand-written table would go stale.

Several operations may share method and path (PutObject, CopyObject, UploadPart): then it is the one of which the
request has the most literal parameters and required members.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    literals: frozenset[tuple[str, str]]  # in the query: `?list-type=2`
    in_query: frozenset[str]  # required members
    in_headers: frozenset[str]

    @property
    def rank(self) -> tuple[int, int]:
        """The more it asks for the better; of equals the shorter name (ListBuckets, ListDirectoryBuckets)."""
        return len(self.literals) + len(self.in_query) + len(self.in_headers), -len(self.operation)

    def fits(self, method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether the request has everything that this operation needs besides its path."""
        has = method == self.method and self.literals <= set(query.items())
        return has and self.in_query <= query.keys() and self.in_headers <= {name.lower() for name in headers}


def find(
    service: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """The operation and the members in its path; method and path where no operation has them."""
    found = [
        (route, match)
        for route in _routes(service)
        if route.fits(method, query, headers) and (match := route.path.fullmatch(path))
    ]
    if not found:
        return f"{method} {path}", {}
    route, match = max(found, key=lambda each: each[0].rank)
    return route.operation, {name: unquote(value) for name, value in match.groupdict().items()}


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    import botocore.session  # only here, as it costs 0.1 s

    model = botocore.session.get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, literals = operation.http["requestUri"].partition("?")
        shape = operation.input_shape
        required = [shape.members[each].serialization for each in shape.required_members] if shape else []
        routes.append(
            _Route(
                operation=name,
                method=operation.http["method"],
                path=re.compile(re.sub(r"\{(\w+)(\+?)\}", _member, path) + "/?"),
                literals=frozenset(parse_qsl(literals, keep_blank_values=True)),
                in_query=frozenset(each["name"] for each in required if each.get("location") == "querystring"),
                in_headers=frozenset(each["name"].lower() for each in required if each.get("location") == "header"),
            )
        )
    return tuple(routes)


def _member(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
