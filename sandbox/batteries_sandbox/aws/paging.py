"""Paging as in AWS Organizations: at most 20 a page, and opaque tokens.

A filter is applied after the page is cut, so a page may be empty and still have a NextToken: AWS's documentation warns
of that, and clients that stop at an empty page must fail in tests.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from batteries_sandbox.aws.wire import AwsError

Item = TypeVar("Item")
MAX_RESULTS = 20


def page(
    items: Sequence[Item], params: Mapping[str, Any], keep: Callable[[Item], bool] = lambda _: True
) -> tuple[list[Item], str | None]:
    """One page of items and the token of the next."""
    size = params.get("MaxResults") or MAX_RESULTS
    if not isinstance(size, int) or not 1 <= size <= MAX_RESULTS:
        raise AwsError("InvalidInputException", "You specified an invalid value.", Reason="MAX_VALUE_EXCEEDED")
    start = _offset(params.get("NextToken"))
    end = start + size
    token = base64.urlsafe_b64encode(f"after:{end}".encode()).decode() if end < len(items) else None
    return [item for item in items[start:end] if keep(item)], token


def _offset(token: Any) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)).decode().removeprefix("after:"))
    except ValueError as error:
        message = "Get the value for this parameter from the response to a previous call."
        raise AwsError("InvalidInputException", message, Reason="INVALID_NEXT_TOKEN") from error
