"""Query strings as models. Anything invalid is a 400 whose sentence says what is wrong.

Names are checked for every route, before its handler (`refuse_unknown`), so a route without a model takes no parameter.
"""

from functools import cache
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batteries_apiserver.http.body import names_of
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.known_names import given_twice, unknown_names
from batteries_apiserver.http.violations import sentence_of


class Query(BaseModel):
    """A query string: camelCase names, values converted from text."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


Q = TypeVar("Q", bound=Query)


@cache
def _empty(model: type[Q]) -> Q:
    """The model of an empty query string; every parameter has a default."""
    return model()


def refuse_unknown(request: web.Request, model: type[Query] | None) -> None:
    """Checks the names in the query string: each must be one of the model's, and given once.

    Raises:
        BadRequest: one is not, or is given twice.
    """
    if not request.query_string:
        return
    known = names_of(model) if model is not None else ()
    given = [name for name, _ in request.query.items()]  # iterating over the query itself drops repeated names
    unknown = list(dict.fromkeys(name for name in given if name not in known))
    if unknown:
        raise BadRequest("unknown_parameter", unknown_names(unknown, known, "parameter"))
    twice = next((name for index, name in enumerate(given) if name in given[:index]), None)
    if twice is not None:
        raise BadRequest("invalid_request", given_twice(twice, "parameter"))


def read_query(request: web.Request, model: type[Q]) -> Q:
    """Returns the query string as `model`.

    Raises:
        BadRequest: the query breaks a rule of the model; the sentence says which.
    """
    if not request.query_string:
        empty: Q = _empty(model)
        return empty
    try:
        return model.model_validate(dict(request.query), by_alias=True, by_name=False)
    except ValidationError as error:
        raise BadRequest("invalid_request", sentence_of(error, "parameter")) from None
