"""The OpenAPI 3.1 document, generated from the routes. It only adds to the contract, which tests check."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from batteries_apiserver.guide.granted import GRANTED
from batteries_apiserver.guide.schemas import Error, Schema, Schemas, fields_of, schema_of, schemas_of
from batteries_apiserver.http.error_codes import ERRORS
from batteries_apiserver.http.route import Access, Header, Response, Route, Tag

PREFIX = "/v1"
JSON = "application/json"

_TAGS = {
    Tag.ACCOUNTS: "Your AWS accounts.",
    Tag.KEYS: "Your API keys.",
    Tag.BILLING: "Signing up and paying.",
    Tag.ADMIN: "For administrators of the service; needs an administrator's key.",
    Tag.GUIDE: "This API's own description.",
}
_REQUEST_ID = Header(
    name="X-Request-Id", description="The id that you sent, or a new one. Tell it to support to identify the request."
)
_OF_ERRORS = {
    401: Header(
        name="WWW-Authenticate",
        description='Bearer (RFC 6750), with error="invalid_token" if a key was sent that is not valid.',
    ),
    429: Header(name="Retry-After", type=int, description="When to try again, in seconds."),
    503: Header(name="Retry-After", type=int, description="When to try again, in seconds."),
}


def described(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes of the API. Pages and probes are left out, because API clients don't use them."""
    return tuple(route for route in routes if route.path.startswith(f"{PREFIX}/"))


def document(routes: Iterable[Route], public_url: str) -> Schema:
    """The document of the routes under /v1."""
    api = described(routes)
    schemas = schemas_of(api)
    paths: Schema = {}
    for route in api:
        paths.setdefault(route.path.removeprefix(PREFIX), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Batteries Included — Headless API",
            "version": "1.0.0",
            "summary": "From a card to an AWS account that your GitHub repositories deploy to.",
            "description": f"The guide for agents is [llms.txt]({public_url}/llms.txt). {GRANTED}",
            "contact": {"email": "support@aibatteriesincluded.com"},
        },
        "servers": [{"url": public_url + PREFIX}],
        "security": [{"bearerAuth": []}],
        "tags": [{"name": tag, "description": text} for tag, text in _TAGS.items() if any(r.tag is tag for r in api)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearerAuth": {"type": "http", "scheme": "bearer", "description": "An API key: `aib_…`."}
            },
            "schemas": schemas.components,
        },
    }


def _operation(route: Route, schemas: Schemas) -> Schema:
    operation: Schema = {
        "tags": [route.tag],
        "operationId": f"{route.handler.__module__.split('.')[1]}_{route.handler.__name__}",
        "summary": route.summary,
    }
    if route.details:
        operation["description"] = route.details
    if route.access is Access.ANYONE:
        operation["security"] = []
    parameters = [*_parameters(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        content = {JSON: {"schema": schemas.request(route.body)}}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    responses = {str(status): _response(response, schemas) for status, response in route.responses.items()}
    operation["responses"] = responses | {str(status): error for status, error in _errors(route, schemas)}
    return operation


def _parameters(route: Route) -> Iterator[Schema]:
    for given in route.parameters:
        required = {"required": True} if given.where == "path" else {}
        schema = schema_of(given.type)
        yield {"name": given.name, "in": given.where, **required, "description": given.description, "schema": schema}
    for name, schema, required_ in fields_of(route.query) if route.query else ():
        text = schema.pop("description", "")
        yield {"name": name, "in": "query", "required": required_, "description": text, "schema": schema}


def _response(response: Response, schemas: Schemas) -> Schema:
    content: Schema = {JSON: {"schema": schemas.response(response.model)}} if response.model is not None else {}
    content |= {media_type: {"schema": {"type": "string"}} for media_type in response.media_types}
    shown: Schema = {"description": response.description, "headers": _headers(response.headers)}
    return shown | ({"content": content} if content else {})


def _errors(route: Route, schemas: Schemas) -> Iterator[tuple[int, Schema]]:
    """One response for each status, with an example for each code."""
    codes = sorted(route.codes, key=lambda code: ERRORS[code].status)
    for status, group in groupby(codes, key=lambda code: ERRORS[code].status):
        found = [*group]
        examples = {code: {"value": {"error": ERRORS[code].meaning, "code": code}} for code in found}
        yield (
            status,
            {
                "description": " ".join(f"`{code}`: {ERRORS[code].meaning}" for code in found),
                "headers": _headers([_OF_ERRORS[status]] if status in _OF_ERRORS else []),
                "content": {JSON: {"schema": schemas.response(Error), "examples": examples}},
            },
        )


def _headers(headers: Iterable[Header]) -> dict[str, Any]:
    return {
        header.name: {"description": header.description, "schema": schema_of(header.type)}
        for header in (*headers, _REQUEST_ID)
    }
