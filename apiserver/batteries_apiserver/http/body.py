"""Request bodies: bytes, then JSON, then a model; each way to be wrong is a 400 with a sentence."""

from typing import Any, TypeVar

import orjson
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.content_encoding import decoded, encoding_of, unreadable
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.time_limit import begin_time_limit_anew


class Body(BaseModel):
    """What a request may hold: camelCase, no conversions; fields that we don't know are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True)


B = TypeVar("B", bound=Body)


_BEING_READ = web.RequestKey("body being read", bool)


async def read_bytes(request: web.Request) -> bytes:
    """The body, without its Content-Encoding. The time that it takes to come is the client's, and not the handler's.

    Raises:
        BadRequest: it can't be read: it broke off, or is not what its headers say.
        UnsupportedMediaType: its Content-Encoding is none of ours.
        web.HTTPRequestEntityTooLarge: it is longer than the application's limit.
    """
    encoding = encoding_of(request.headers.getall(hdrs.CONTENT_ENCODING, ()))
    request[_BEING_READ] = True
    try:
        raw = await request.read()
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, ConnectionError) as error:
        raise unreadable() from error
    request[_BEING_READ] = False
    begin_time_limit_anew(request)
    return decoded(raw, encoding, request.app._client_max_size)


def is_being_read(request: web.Request) -> bool:
    """Whether the handler waits for the rest of the body."""
    return bool(request.get(_BEING_READ))


async def read_body(request: web.Request, model: type[B], *, required: bool = True) -> B:
    """The body as `model`; where it is not `required`, no body stands for `{}`.

    Raises:
        BadRequest: it is no JSON object, or breaks a rule of the model; the sentence says which.
    """
    raw = await read_bytes(request)
    if not raw.strip() and not required:
        raw = b"{}"
    try:
        return model.model_validate(_object(raw))
    except ValidationError as error:
        raise BadRequest("invalid_request", sentence_of(error, "field")) from None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest("invalid_json", f"The request's body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("invalid_json", "The request's body must be a JSON object, such as {}.")
    return value


def sentence_of(error: ValidationError, what: str) -> str:
    """The first thing that is wrong. A validator's own ValueError is a sentence already."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    if first["type"] == "missing":
        return f"The {what} {place} is required."
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    return f"The {what} {place} is not right: {first['msg'][:1].lower()}{first['msg'][1:]}."
