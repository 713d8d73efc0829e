"""Request bodies: bytes, then JSON, then a model. Anything invalid is a 400 whose sentence says what is wrong."""

import json
from typing import Any, ClassVar, TypeVar

import orjson
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.content_encoding import decoded, encoding_of, unreadable
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.known_names import given_twice, unknown_names
from batteries_apiserver.http.time_limit import restart_time_limit
from batteries_apiserver.http.violations import place_of, sentence_of


class Body(BaseModel):
    """A request body: camelCase names, no type conversions, no other fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True, extra="forbid")

    added: ClassVar[frozenset[str]] = frozenset()
    """Fields that a later release added. Without them a body is the same request as before it, which may be repeated
    after an upgrade."""


class NoFields(Body):
    """The body of a change that takes none: empty, or `{}`."""


B = TypeVar("B", bound=Body)


_BEING_READ = web.RequestKey("body being read", bool)


async def read_bytes(request: web.Request) -> bytes:
    """Returns the decoded body. The handler's time limit starts again afterwards: a slow upload is the client's time.

    Raises:
        BadRequest: the body was cut off, or does not match its headers.
        UnsupportedMediaType: the server does not support its Content-Encoding.
        web.HTTPRequestEntityTooLarge: it is longer than the application's limit.
    """
    encoding = encoding_of(request.headers.getall(hdrs.CONTENT_ENCODING, ()))
    request[_BEING_READ] = True
    try:
        raw = await request.read()
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, ConnectionError) as error:
        raise unreadable() from error
    request[_BEING_READ] = False
    restart_time_limit(request)
    return decoded(raw, encoding, request.app._client_max_size)


def is_being_read(request: web.Request) -> bool:
    """Whether the handler is still waiting for the body."""
    return bool(request.get(_BEING_READ))


async def read_body(request: web.Request, model: type[B], *, required: bool = True) -> B:
    """Returns the body as `model`. If it is not `required`, an empty body means `{}`.

    Raises:
        BadRequest: the body is not a JSON object, has a field that the model lacks, has one twice, or breaks a rule of
            the model; the sentence says which.
    """
    raw = await read_bytes(request)
    if not raw.strip() and not required:
        raw = b"{}"
    try:
        return model.model_validate(_object(raw), by_alias=True, by_name=False)
    except ValidationError as error:
        if unknown := _unknown(error):
            raise BadRequest("unknown_field", unknown_names(unknown, names_of(model), "field")) from None
        raise BadRequest("invalid_request", sentence_of(error, "field")) from None


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of a model's fields as callers send them; those of an object in it as `owner.email`."""
    found = list[str]()
    for name, field in model.model_fields.items():
        sent = field.alias or name
        found.append(sent)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [f"{sent}.{inner}" for inner in names_of(field.annotation)]
    return tuple(found)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest("invalid_json", f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("invalid_json", "The request body must be a JSON object, such as {}.")
    try:
        # orjson keeps the last of two fields with the same name and says nothing.
        json.loads(raw, object_pairs_hook=_once)
    except RecursionError:
        raise BadRequest("invalid_json", "The request body is nested too deeply.") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            raise BadRequest("invalid_request", given_twice(name, "field"))
        seen.add(name)


def _unknown(error: ValidationError) -> list[str]:
    """The fields that the model lacks, each with the fields that it is in: `owner.emial`."""
    extra = [each["loc"] for each in error.errors(include_url=False) if each["type"] == "extra_forbidden"]
    return [place_of(loc) for loc in extra]
