"""The request body for a new key, for customers and administrators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.instant import Instant
from batteries_apiserver.http.line import Line
from batteries_crds.base import utc_now

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def _in_future(given: Any) -> datetime:
    try:
        moment = _INSTANT.validate_python(given)
    except ValidationError:
        raise ValueError("must be a time as in RFC 3339, such as 2027-11-24T08:00:00Z") from None
    if moment <= utc_now():
        raise ValueError("must be in the future; leave it out for a key that does not expire")
    return moment.replace(microsecond=0)


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
