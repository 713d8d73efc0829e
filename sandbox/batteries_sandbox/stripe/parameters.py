"""Turns a decoded form into typed parameters, or into the error that Stripe would return.

The invariant: the result has only names, types and values that the library's declarations allow, so the resource
modules check meaning and never types. The sentences follow Stripe's; the codes are listed at
https://docs.stripe.com/error-codes.
"""

import re
from typing import Any

from batteries_sandbox.stripe.errors import StripeError, parameter_missing, unknown_parameters
from batteries_sandbox.stripe.forms import Tree
from batteries_sandbox.stripe.objects import JsonObject
from batteries_sandbox.stripe.shapes import Shape, shape_of

# Stripe refused these from API 2026-09-30.endive on, with a code of its own rather than as unknown:
# https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions
_REMOVED = {"payment_method_types": "payment_method_types_no_longer_supported"}

_INTEGER = re.compile(r"-?\d{1,18}")
_INDEX = re.compile(r"\d{1,6}")
_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,12})?")


def read_parameters(params: type, tree: dict[str, Tree], *, clearable: frozenset[str]) -> JsonObject:
    """Checks a request's parameters against the library's type for them.

    `clearable` names the strings which an empty value unsets although the type does not say so.
    """
    return _object(shape_of(params), tree, "", clearable)


def _object(shape: Shape, tree: dict[str, Tree], path: str, clearable: frozenset[str]) -> JsonObject:
    fields = shape.fields or {}
    _refuse_unknown(fields, tree, path)
    for name in sorted(shape.required):
        if name not in tree:
            raise parameter_missing(_join(path, name))
    values: JsonObject = {}
    for name, raw in tree.items():
        unsets = raw == "" and name in clearable
        values[name] = "" if unsets else _value(fields[name], raw, _join(path, name))
    return values


def _refuse_unknown(fields: dict[str, Shape], tree: dict[str, Tree], path: str) -> None:
    unknown = [name for name in tree if name not in fields]
    for name in unknown:
        if not path and name in _REMOVED:
            raise StripeError(
                f"The `{name}` parameter is no longer supported. Use `allowed_payment_method_types` or let Stripe"
                " choose dynamically.",
                code=_REMOVED[name],
                param=name,
            )
    if unknown:
        raise unknown_parameters([_join(path, name) for name in unknown])


def _value(shape: Shape, raw: Tree, path: str) -> Any:
    if isinstance(raw, str):
        return _scalar(shape, raw, path)
    if shape.item is not None:
        return _array(shape.item, raw, path)
    if shape.is_map:
        return _map(raw, path)
    if shape.fields is not None:
        return _object(shape, raw, path, frozenset())
    raise StripeError(f"Invalid {_expected(shape)}: {raw}", param=path)


def _array(item: Shape, raw: dict[str, Tree], path: str) -> list[Any]:
    if not all(_INDEX.fullmatch(key) for key in raw):
        raise StripeError("Invalid array", param=path)
    ordered = sorted(raw.items(), key=lambda pair: int(pair[0]))
    return [_value(item, element, f"{path}[{index}]") for index, element in ordered]


def _map(raw: dict[str, Tree], path: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in raw.items():
        if not isinstance(value, str):
            raise StripeError(f"Invalid string: {value}", param=_join(path, key))
        values[key] = value
    return values


def _scalar(shape: Shape, raw: str, path: str) -> Any:
    if raw == "" and shape.clearable:
        return ""
    if raw == "" and str in shape.scalars:
        raise StripeError(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter;"
            f" however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty"
            " value.",
            code="parameter_invalid_empty",
            param=path,
        )
    if shape.choices:
        return _choice(shape, raw, path)
    return _plain(shape, raw, path)


def _choice(shape: Shape, raw: str, path: str) -> str:
    """The library adds `| str` to each closed set for values of the future; the service has no such mercy."""
    if raw in shape.choices:
        return raw
    *others, last = shape.choices
    allowed = f"{', '.join(others)}{',' if len(others) > 1 else ''} or {last}" if others else last
    raise StripeError(f"Invalid {path}: must be one of {allowed}", param=path)


def _plain(shape: Shape, raw: str, path: str) -> Any:
    if bool in shape.scalars and raw in ("true", "false"):
        return raw == "true"
    if int in shape.scalars and _INTEGER.fullmatch(raw):
        return int(raw)
    if float in shape.scalars and _DECIMAL.fullmatch(raw):
        return float(raw)
    if str in shape.scalars:
        return raw
    code = "parameter_invalid_integer" if int in shape.scalars else None
    raise StripeError(f"Invalid {_expected(shape)}: {raw}", code=code, param=path)


def _expected(shape: Shape) -> str:
    for kind, name in ((int, "integer"), (bool, "boolean"), (float, "decimal"), (str, "string")):
        if kind in shape.scalars:
            return name
    return "array" if shape.item is not None else "object"


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
