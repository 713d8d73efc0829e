"""What the table of settings says of the values that a setting takes."""

from typing import Any

import pytest

from batteries_tools.allowed import allowed

CASES: list[tuple[dict[str, Any], str]] = [
    ({"type": "boolean"}, ""),
    ({"type": "integer", "minimum": 1, "maximum": 65_535}, "1 to 65,535"),
    ({"type": "integer", "minimum": 0}, "0 or more"),
    ({"type": "number", "exclusiveMinimum": 0, "maximum": 60}, "over 0, up to 60"),
    ({"type": "number", "exclusiveMaximum": 1}, "under 1"),
    ({"enum": ["full", "aws"]}, "`full`, `aws`"),
    ({"type": "string", "maxLength": 63}, "at most 63 characters"),
    ({"type": "string", "minLength": 1, "maxLength": 63}, "at least 1 and at most 63 characters"),
    ({"type": "string", "pattern": "^a$", "maxLength": 9}, "at most 9 characters, in the form `^a$`"),
    ({"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}}, "at most 3 items, at most 9 ch"),
    ({"anyOf": [{"type": "integer", "minimum": 2}, {"type": "null"}]}, "2 or more"),
]


@pytest.mark.parametrize(("schema", "words"), CASES, ids=[words or "anything" for _, words in CASES])
def test_bounds_are_said_in_words(schema: dict[str, Any], words: str) -> None:
    found = allowed(schema)
    assert found.startswith(words) if "array" in schema.values() else found == words
