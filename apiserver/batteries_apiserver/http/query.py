"""Query strings as models. Anything invalid is a 400 whose sentence says what is wrong."""

from functools import cache
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.body import sentence_of
from batteries_apiserver.http.errors import BadRequest


class Query(BaseModel):
    """A query string: camelCase names, values converted from text; unknown parameters are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


Q = TypeVar("Q", bound=Query)


@cache
def _empty(model: type[Q]) -> Q:
    """The model of an empty query string; every parameter has a default."""
    return model()


def read_query(request: web.Request, model: type[Q]) -> Q:
    """Returns the query string as `model`. If a parameter is given twice, the first one counts.

    Raises:
        BadRequest: the query breaks a rule of the model; the sentence says which.
    """
    if not request.query_string:
        empty: Q = _empty(model)
        return empty
    try:
        return model.model_validate({name: request.query.getone(name) for name in request.query})
    except ValidationError as error:
        raise BadRequest("invalid_request", sentence_of(error, "parameter")) from None
