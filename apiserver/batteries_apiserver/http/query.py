"""Query strings as models: each parameter once, and each way to be wrong a 400 with a sentence."""

from functools import cache
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.body import sentence_of
from batteries_apiserver.http.errors import BadRequest


class Query(BaseModel):
    """What a query string may hold: camelCase, converted from text; parameters that we don't know are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


Q = TypeVar("Q", bound=Query)


@cache
def _empty(model: type[Q]) -> Q:
    """What nothing asked comes to; each model has a default for everything."""
    return model()


def read_query(request: web.Request, model: type[Q]) -> Q:
    """The query string as `model`; of a parameter given twice the first counts.

    Raises:
        BadRequest: it breaks a rule of the model; the sentence says which.
    """
    if not request.query_string:
        empty: Q = _empty(model)
        return empty
    try:
        return model.model_validate({name: request.query.getone(name) for name in request.query})
    except ValidationError as error:
        raise BadRequest("invalid_request", sentence_of(error, "parameter")) from None
