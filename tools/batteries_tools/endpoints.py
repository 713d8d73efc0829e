"""Generates the tables of docs/http-api.md: the contract's endpoints with our additions, and our own endpoints."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import batteries_apiserver
from batteries_apiserver.guide.document import PREFIX
from batteries_apiserver.http.error_codes import ALWAYS, ERRORS
from batteries_apiserver.http.route import Access, Route
from batteries_apiserver.routes import ROUTES

_CONTRACT = Path(batteries_apiserver.__file__).parent / "contract" / "openapi-v1.json"
_WHO = {Access.ANYONE: "anyone", Access.KEY: "API key", Access.ADMIN: "admin key"}

Row = Sequence[str]


def of_the_contract() -> Iterator[Row]:
    """Each operation of the contract: its statuses, and our additions."""
    for route in ROUTES:
        operation = _in_contract(route)
        if operation is not None:
            theirs = sorted(operation["responses"])
            ours = [str(status) for status in _statuses(route) if str(status) not in theirs and status < 500]
            yield _row(route, " ".join(theirs), _added(route, operation, ours))


def of_ours() -> Iterator[Row]:
    """Each route that is not in the contract."""
    for route in ROUTES:
        if _in_contract(route) is None:
            statuses = " ".join(str(status) for status in _statuses(route) if status < 500)
            yield _row(route, statuses, ", ".join(_inputs(route)))


def _row(route: Route, statuses: str, rest: str) -> Row:
    return (f"`{route}`", _WHO[route.access], route.summary, statuses, rest)


def _added(route: Route, operation: Any, statuses: list[str]) -> str:
    known = {given["name"] for given in operation.get("parameters", ())}
    inputs = [one for one in _inputs(route) if one.strip("`") not in known]
    return ", ".join([*inputs, *statuses])


def _inputs(route: Route) -> Iterator[str]:
    """Query parameters and request headers."""
    for name, field in route.query.model_fields.items() if route.query else ():
        yield f"`{field.alias or name}`"
    yield from (f"`{given.name}`" for given in route.parameters if given.where == "header")


def _statuses(route: Route) -> list[int]:
    return sorted({*route.responses, *(ERRORS[code].status for code in route.codes if code not in ALWAYS)})


def _in_contract(route: Route) -> Any:
    if not route.path.startswith(PREFIX):
        return None
    paths = json.loads(_CONTRACT.read_text())["paths"]
    return paths.get(route.path.removeprefix(PREFIX), {}).get(route.method.lower())
