"""A line of text in a body: a name or a reason that people read in lists, mails and logs.

It must have something to read, and no character that breaks a line or turns the writing direction of what follows it.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_REFUSED = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_PATTERN = rf"^[^{_REFUSED}]*[^\s{_REFUSED}][^{_REFUSED}]*$"
_LINE = re.compile(_PATTERN[1:-1])


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if not _LINE.fullmatch(text):
        raise ValueError("must be one line of text, without control characters")
    return text


Line = Annotated[str, AfterValidator(_line), Field(min_length=1, json_schema_extra={"pattern": _PATTERN})]
"""The field's own `max_length` comes on top."""
