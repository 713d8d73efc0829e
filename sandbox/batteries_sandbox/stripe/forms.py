"""Stripe's wire format for parameters: a form whose keys hold brackets.

`a[b]=1`, `a[0]=1`, `a[]=1` (https://docs.stripe.com/api, and `_api_encode` in the library, which always sends
indexes). The result is a tree of dicts and strings: whether `{"0": "x"}` is a list or a map with the key "0" is not
in the text but in the parameter's type, so `parameters.py` decides that.
"""

import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import parse_qsl

from batteries_sandbox.stripe.errors import StripeError

Tree: TypeAlias = "str | dict[str, Tree]"

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
# Deeper than anything in Stripe's API; without a bound, a hostile key exhausts the stack.
_MAX_DEPTH = 12
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode_form(text: str) -> list[tuple[str, str]]:
    """Splits a form body or a query string into its pairs, blank values kept: they mean "unset"."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as failure:
        raise StripeError("Invalid request: the parameters are not valid UTF-8 form data.") from failure


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Tree]:
    """Builds the tree that the brackets describe."""
    root: dict[str, Tree] = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise StripeError(f"Invalid parameter name: {key}", param=key)
        parts = [match[1], *_PART.findall(match[2])]
        if len(parts) > _MAX_DEPTH:
            raise StripeError(f"Invalid parameter: {parts[0]} is nested too deeply.", param=parts[0])
        _put(root, parts, value, key)
    return root


def _put(node: dict[str, Tree], parts: list[str], value: str, key: str) -> None:
    for depth, part in enumerate(parts[:-1]):
        name = part or _open_element(node, parts[depth + 1])
        child = node.setdefault(name, {})
        if isinstance(child, str):
            raise StripeError(f"Invalid parameter: {key} is given both as a value and as an object.", param=key)
        node = child
    last = parts[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise StripeError(f"Invalid parameter: {key} is given both as a value and as an object.", param=key)
    node[last] = value


def _open_element(node: dict[str, Tree], field: str) -> str:
    """The element that `items[][field]` goes into: the last one, unless it has that field already."""
    last = str(len(node) - 1)
    element = node.get(last)
    return last if isinstance(element, dict) and field not in element else str(len(node))
