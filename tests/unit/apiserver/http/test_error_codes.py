"""The catalogue of error codes says what the source does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import batteries_apiserver
from batteries_apiserver.http import errors
from batteries_apiserver.http.error_codes import (
    ALWAYS,
    ERRORS,
    OF_A_BODY,
    OF_A_CHANGE,
    OF_A_KEY,
    OF_A_QUERY,
    OF_ADMIN,
    OF_BLOCKED,
    OF_PAGES,
    OF_UNPAID,
    fault_of,
)
from batteries_apiserver.routes import ROUTES

REFUSALS = {
    name: kind.status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ApiError)
}


def raised() -> Iterator[tuple[str, int | None]]:
    """Each code in the source with its status; None where the status is no literal."""
    for path in Path(batteries_apiserver.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if node.func.id in REFUSALS and arguments:
                yield str(arguments[0]), REFUSALS[node.func.id]
            elif node.func.id == "error_response" and arguments:
                status = arguments[0] if isinstance(arguments[0], int) else None
                yield next(str(one) for one in arguments if isinstance(one, str)), status


def test_the_catalogue_holds_every_code_of_the_source_with_its_status_and_no_other() -> None:
    found = dict(raised())
    differ = found.keys() ^ ERRORS.keys()
    assert not differ, f"raise each in the code and list it in http/error_codes.py, or do neither: {differ}"
    assert {code: status for code, status in found.items() if status and ERRORS[code].status != status} == {}


def test_routes_name_known_codes_and_every_code_belongs_to_a_route_or_to_all() -> None:
    named = {code for route in ROUTES for code in route.errors}
    everywhere = {
        *ALWAYS,
        *OF_A_KEY,
        *OF_ADMIN,
        *OF_BLOCKED,
        *OF_UNPAID,
        *OF_A_BODY,
        *OF_A_CHANGE,
        *OF_A_QUERY,
        *OF_PAGES,
        "not_an_admin_key",
        "not_found",
        "method_not_allowed",
        "refused",
    }
    differ = (named | everywhere) ^ ERRORS.keys()
    assert not differ, f"list each in http/error_codes.py and in the `errors` of a route, or in neither: {differ}"


def test_what_the_installer_did_not_set_up_is_nobody_elses_fault() -> None:
    faults = {code: known.fault for code, known in ERRORS.items() if known.fault is not None}
    assert faults == {"billing_not_configured": "configuration", "portal_not_configured": "configuration"}


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (200, None, "none"),
        (304, None, "none"),
        (399, None, "none"),
        (400, None, "caller"),
        (404, "account_not_found", "caller"),
        (499, None, "caller"),
        (500, "internal_error", "ours"),
        (503, "unavailable", "ours"),
        (503, "billing_not_configured", "configuration"),
        (503, "no code of ours", "ours"),
    ],
)
def test_an_answer_is_counted_by_whose_fault_it_is(status: int, code: str | None, fault: str) -> None:
    assert fault_of(status, code) == fault
