"""Request bodies: bytes, then JSON, then a model. Anything invalid is a 400 whose sentence says what is wrong."""

import re
from typing import Any, TypeVar

import orjson
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.content_encoding import decoded, encoding_of, unreadable
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.time_limit import restart_time_limit


class Body(BaseModel):
    """A request body: camelCase names, no type conversions; unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True)


B = TypeVar("B", bound=Body)


_BEING_READ = web.RequestKey("body being read", bool)
_SHOULD = re.compile(r"\w+ should (.*)", re.DOTALL)
"""How pydantic begins most of its messages: `Input should be a valid string`."""


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
        BadRequest: the body is not a JSON object, or breaks a rule of the model; the sentence says which.
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
        raise BadRequest("invalid_json", f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("invalid_json", "The request body must be a JSON object, such as {}.")
    return value


def sentence_of(error: ValidationError, what: str) -> str:
    """Describes the first error. A ValueError raised by a validator of ours is a sentence already."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    if first["type"] == "missing":
        return f"The {what} {place} is required."
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    if rule := _SHOULD.fullmatch(first["msg"]):
        return f"The {what} {place} must {rule[1]}."
    return f"The {what} {place} is invalid: {first['msg'][:1].lower()}{first['msg'][1:]}."
