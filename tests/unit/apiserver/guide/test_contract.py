"""The document only adds to the contract: whoever holds a client made from the contract never notices.

Requests and answers are compared in opposite directions. Of a request we may ask no more than the contract does; of an
answer we may promise no less.
"""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import batteries_apiserver
from batteries_apiserver.guide.document import document
from batteries_apiserver.routes import ROUTES

Json = dict[str, Any]

CONTRACT: Json = orjson.loads((Path(batteries_apiserver.__file__).parent / "contract" / "openapi-v1.json").read_bytes())
OURS: Json = document(ROUTES, "https://api.example.com")

NARROWER = {"pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "format"}
REFUSED_ANYWAY = {
    # The contract says "array of string"; what AWS would refuse, or would let strangers in by, always was a 400.
    ("post /accounts body.githubRepos", "uniqueItems"),
    ("post /accounts body.githubRepos[]", "maxLength"),
    ("post /accounts body.githubRepos[]", "pattern"),
    ("patch /accounts/{id} body.githubRepos", "uniqueItems"),
    ("patch /accounts/{id} body.githubRepos[]", "maxLength"),
    ("patch /accounts/{id} body.githubRepos[]", "pattern"),
    # The resource's own bound, and a name that is nothing names nothing.
    ("post /keys body.name", "minLength"),
    ("post /keys body.name", "maxLength"),
    ("post /keys body.name", "pattern"),
    # A client made from the contract can send no other field; one that was dropped in silence was taken for done.
    ("post /accounts body", "additionalProperties"),
    ("patch /accounts/{id} body", "additionalProperties"),
    ("post /keys body", "additionalProperties"),
    ("post /stripe/setup body", "additionalProperties"),
}


def losses(theirs: Json, ours: Json) -> Iterator[str]:
    """Everything in which `ours` is not `theirs` and more."""
    yield from (f"no path {path}" for path in theirs["paths"] if path not in ours["paths"])
    for path in theirs["paths"].keys() & ours["paths"].keys():
        for method, operation in theirs["paths"][path].items():
            place = f"{method} {path}"
            if method not in ours["paths"][path]:
                yield f"no {place}"
                continue
            mine = ours["paths"][path][method]
            if operation.get("security", theirs["security"]) != mine.get("security", ours["security"]):
                yield f"{place}: other security"
            if not set(operation["tags"]) <= set(mine["tags"]):
                yield f"{place}: another tag"
            yield from _parameters(place, operation, mine, theirs, ours)
            yield from _body(place, operation, mine, theirs, ours)
            yield from _answers(place, operation, mine, theirs, ours)


def _parameters(place: str, operation: Json, mine: Json, theirs: Json, ours: Json) -> Iterator[str]:
    given = {(p["in"], p["name"]): p for p in operation.get("parameters", ())}
    known = {(p["in"], p["name"]): p for p in mine.get("parameters", ())}
    yield from (f"{place}: no parameter {key}" for key in given if key not in known)
    yield from (
        f"{place}: {key} is required now"
        for key, parameter in known.items()
        if parameter.get("required") and not given.get(key, {}).get("required")
    )
    for key in given.keys() & known.keys():
        yield from _request(f"{place} {key[1]}", given[key]["schema"], known[key]["schema"], theirs, ours)


def _body(place: str, operation: Json, mine: Json, theirs: Json, ours: Json) -> Iterator[str]:
    given, known = operation.get("requestBody"), mine.get("requestBody")
    if known and known.get("required") and not (given and given.get("required")):
        yield f"{place}: a body is required now"
    if given and not known:
        yield f"{place}: takes no body"
    elif given and known:
        for kind, content in given["content"].items():
            if kind not in known["content"]:
                yield f"{place}: takes no {kind}"
                continue
            yield from _request(f"{place} body", content["schema"], known["content"][kind]["schema"], theirs, ours)


def _answers(place: str, operation: Json, mine: Json, theirs: Json, ours: Json) -> Iterator[str]:
    for status, answer in operation["responses"].items():
        if status not in mine["responses"]:
            yield f"{place}: no status {status}"
            continue
        for kind, content in answer.get("content", {}).items():
            known = mine["responses"][status].get("content", {}).get(kind)
            if known is None:
                yield f"{place} {status}: no {kind}"
                continue
            yield from _answer(f"{place} {status}", content["schema"], known["schema"], theirs, ours)


def _request(place: str, theirs: Json, ours: Json, whole: Json, our_whole: Json) -> Iterator[str]:
    """What was accepted must be accepted still."""
    given, known = _resolved(theirs, whole), _resolved(ours, our_whole)
    if given.get("type") != known.get("type"):
        yield f"{place}: another type"
    yield from (
        f"{place}: {name} is required now" for name in set(known.get("required", ())) - set(given.get("required", ()))
    )
    if "enum" in known and not ("enum" in given and set(given["enum"]) <= set(known["enum"])):
        yield f"{place}: fewer values"
    if known.get("additionalProperties") is False and (place, "additionalProperties") not in REFUSED_ANYWAY:
        yield f"{place}: further fields are refused"
    for rule in NARROWER & known.keys():
        if known[rule] != given.get(rule) and (place, rule) not in REFUSED_ANYWAY:
            yield f"{place}: a rule {rule} that the contract does not have"
    yield from _inside(_request, place, given, known, whole, our_whole, ".")


def _answer(place: str, theirs: Json, ours: Json, whole: Json, our_whole: Json) -> Iterator[str]:
    """What could be relied on can be relied on still, and nothing comes that a client doesn't expect."""
    given, known = _resolved(theirs, whole), _resolved(ours, our_whole)
    if given.get("type") != known.get("type"):
        yield f"{place}: another type"
    if "format" in given and given["format"] != known.get("format"):
        yield f"{place}: another format"
    if "enum" in given and set(given["enum"]) != set(known.get("enum", ())):
        yield f"{place}: other values"
    yield from (
        f"{place}: {name} is not certain" for name in set(given.get("required", ())) - set(known.get("required", ()))
    )
    yield from _inside(_answer, place, given, known, whole, our_whole, " ")


def _inside(check: Any, place: str, given: Json, known: Json, whole: Json, our_whole: Json, dot: str) -> Iterator[str]:
    for name, schema in given.get("properties", {}).items():
        if name not in known.get("properties", {}):
            yield f"{place}: no field {name}"
        else:
            yield from check(f"{place}{dot}{name}", schema, known["properties"][name], whole, our_whole)
    if "items" in given:
        yield from check(f"{place}[]", given["items"], known.get("items", {}), whole, our_whole)


def _resolved(schema: Json, whole: Json) -> Json:
    while "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]] | rest
    return schema


def test_the_document_only_adds_to_the_contract() -> None:
    assert [*losses(CONTRACT, OURS)] == []


def test_the_document_is_served_where_the_contract_is() -> None:
    assert OURS["servers"][0]["url"].endswith("/v1")
    assert CONTRACT["servers"][0]["url"].endswith("/v1")


def _drop_status(api: Json) -> None:
    del api["paths"]["/accounts"]["post"]["responses"]["402"]


def _drop_path(api: Json) -> None:
    del api["paths"]["/accounts/{id}"]


def _drop_field(api: Json) -> None:
    del api["components"]["schemas"]["AccountDetail"]["properties"]["oidcRoleArn"]


def _retype(api: Json) -> None:
    api["components"]["schemas"]["AccountDetail"]["properties"]["githubRepos"] = {"type": "string"}


def _drop_value(api: Json) -> None:
    api["components"]["schemas"]["Phase"]["enum"].remove("suspended")


def _add_value(api: Json) -> None:
    api["components"]["schemas"]["Phase"]["enum"].append("resting")


def _require_body(api: Json) -> None:
    api["paths"]["/accounts"]["post"]["requestBody"]["required"] = True


def _require_field(api: Json) -> None:
    api["components"]["schemas"]["NewAccount"]["required"] = ["githubRepos"]


def _narrow(api: Json) -> None:
    api["components"]["schemas"]["Setup"]["properties"]["email"]["maxLength"] = 10


def _forget_a_field_of_a_body(api: Json) -> None:
    del api["components"]["schemas"]["NewAccount"]["properties"]["githubRepos"]


def _close(api: Json) -> None:
    api["components"]["schemas"]["Setup"]["properties"]["email"] = {"type": "string", "additionalProperties": False}


def _require_header(api: Json) -> None:
    header = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}
    api["paths"]["/accounts"]["post"].setdefault("parameters", []).append(header)


def _ask_for_a_key(api: Json) -> None:
    del api["paths"]["/stripe/setup"]["post"]["security"]


def _forget_the_error(api: Json) -> None:
    api["components"]["schemas"]["Error"]["required"] = ["code"]


def _other_form(api: Json) -> None:
    answer = api["paths"]["/accounts"]["get"]["responses"]["200"]
    answer["content"] = {"text/csv": answer["content"]["application/json"]}


@pytest.mark.parametrize(
    "spoil",
    [
        _drop_status,
        _drop_path,
        _drop_field,
        _retype,
        _drop_value,
        _add_value,
        _require_body,
        _require_field,
        _narrow,
        _close,
        _forget_a_field_of_a_body,
        _require_header,
        _ask_for_a_key,
        _forget_the_error,
        _other_form,
    ],
)
def test_each_way_to_take_from_the_contract_is_noticed(spoil: Callable[[Json], None]) -> None:
    spoiled = copy.deepcopy(OURS)
    spoil(spoiled)
    assert len([*losses(CONTRACT, spoiled)]) > len([*losses(CONTRACT, OURS)])
