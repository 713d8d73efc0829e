"""The request body for a new key, for customers and administrators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.instant import future_instant
from batteries_apiserver.http.line import Line


def _in_future(given: Any) -> datetime:
    return future_instant(given, "leave it out for a key that does not expire")


class NewKeyBody(Body):
    """POST /keys, and POST /admin/customers/{id}/keys."""

    name: Annotated[Line, Field(max_length=100, description="What you call it.", examples=["CI"])]
    scope: Annotated[
        Literal["full", "read", "aws"],
        Field(
            description="full: all that its owner may do. read: only GET, and it reveals no password. aws: as read, "
            "and it gets tokens for AWS."
        ),
    ] = "full"
    expires_at: Annotated[
        Annotated[datetime, BeforeValidator(_in_future)] | None,
        Field(description="When it stops working (RFC 3339). Left out: only when it is revoked."),
    ] = None
