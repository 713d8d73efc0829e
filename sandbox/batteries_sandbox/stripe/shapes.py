"""Which parameters Stripe takes, read from the library's own type declarations.

The library's `TypedDict`s are generated from Stripe's OpenAPI specification, so with them every name, nesting, type
and closed set of values is right for the API version that the library speaks, and stays right when it is upgraded.
A list kept by hand would be wrong by the next release.
"""

import sys
import types
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions

_SCALARS = {str: str, int: int, bool: bool, float: float, Decimal: float}
_NO_FIELDS: frozenset[str] = frozenset()


@dataclass(slots=True)
class Shape:
    """What one parameter may be; a union in the library's types fills in several of these."""

    scalars: set[type] = field(default_factory=set)
    choices: tuple[str, ...] = ()
    clearable: bool = False  # Literal[""] in the types: an empty string unsets it
    is_map: bool = False  # free keys, string values: metadata
    item: "Shape | None" = None
    fields: "dict[str, Shape] | None" = None
    required: frozenset[str] = _NO_FIELDS


@cache
def shape_of(params: type) -> Shape:
    """Reads one of the library's parameter types, without the options that are not sent as parameters."""
    options = set(RequestOptions.__annotations__)
    own = {name: hint for name, hint in params.__annotations__.items() if name not in options}
    # Forward references are resolved in the module that wrote them; `params` may be nested in another's union.
    holder = types.SimpleNamespace(__annotations__=own)
    hints = get_type_hints(holder, globalns=vars(sys.modules[params.__module__]))
    required: frozenset[str] = getattr(params, "__required_keys__", _NO_FIELDS)
    return Shape(fields={name: _read(hint) for name, hint in hints.items()}, required=required - options)


def _read(hint: Any) -> Shape:
    shape = Shape()
    _fill(shape, hint)
    return shape


def _fill(shape: Shape, hint: Any) -> None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for argument in arguments:
            _fill(shape, argument)
    elif origin is Literal:
        shape.choices += tuple(value for value in arguments if value)
        shape.clearable = shape.clearable or "" in arguments
    elif origin is list:
        shape.item = _read(arguments[0])
    elif origin is dict:
        shape.is_map = True
    else:
        _fill_plain(shape, hint)


def _fill_plain(shape: Shape, hint: Any) -> None:
    if hint in _SCALARS:
        shape.scalars.add(_SCALARS[hint])
    elif hasattr(hint, "__required_keys__"):  # a TypedDict, of typing or of typing_extensions
        nested = shape_of(hint)
        shape.fields, shape.required = nested.fields, nested.required
