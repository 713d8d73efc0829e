"""What is wrong with a value, as a sentence: pydantic's errors in the words of people who write requests."""

from typing import Any

from pydantic import ValidationError

_MUST: dict[str, str] = {
    "string_type": "be a string",
    "string_pattern_mismatch": "match the pattern {pattern}",
    "int_type": "be a whole number",
    "int_parsing": "be a whole number",
    "int_from_float": "be a whole number",
    "int_parsing_size": "be a smaller number",
    "float_type": "be a number",
    "float_parsing": "be a number",
    "finite_number": "be a number",
    "bool_type": "be true or false",
    "bool_parsing": "be true or false",
    "list_type": "be a list",
    "dict_type": "be an object",
    "model_type": "be an object",
    "model_attributes_type": "be an object",
    "greater_than": "be more than {gt}",
    "greater_than_equal": "be {ge} or more",
    "less_than": "be less than {lt}",
    "less_than_equal": "be {le} or less",
    "literal_error": "be one of {expected}",
    "enum": "be one of {expected}",
}
"""By pydantic's type of the error, with its context. A test holds all models of requests to this list."""


def sentence_of(error: ValidationError, what: str) -> str:
    """Describes the first error; `what` is field or parameter.

    A ValueError of ours is a sentence, or what the value must do: `must not be empty`.
    """
    first = error.errors(include_url=False)[0]
    place, kind, context = place_of(first["loc"]), first["type"], first.get("ctx", {})
    if kind == "missing":
        return f"The {what} {place} is required."
    if kind == "value_error":
        told = str(context["error"])
        return f"The {what} {place} {told}." if told.startswith("must ") else told
    return f"The {what} {place} must {_rule(kind, context) or 'have another value'}."


def place_of(loc: tuple[int | str, ...]) -> str:
    """Where in a body something is, such as `githubRepos[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _rule(kind: str, context: dict[str, Any]) -> str | None:
    if kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        return "not be empty" if least == 1 else f"have at least {least} {_unit(kind, context)}"
    if kind in ("string_too_long", "too_long"):
        return f"have at most {context['max_length']} {_unit(kind, context)}"
    rule = _MUST.get(kind)
    return None if rule is None else rule.format_map(context)


def _unit(kind: str, context: dict[str, Any]) -> str:
    """pydantic calls text a Value where a validator of ours comes before the bound."""
    return "characters" if kind.startswith("string") or context.get("field_type") == "Value" else "items"
