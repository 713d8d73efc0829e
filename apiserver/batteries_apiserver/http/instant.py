"""A point in time in a request: RFC 3339 with any year and time zone, converted to UTC."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, TypeAdapter, ValidationError

from batteries_crds.base import utc_now

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MIDDLE = datetime(2000, 1, 1, tzinfo=UTC)


def _written(text: Any) -> Any:
    """Refuses other forms that pydantic would accept, such as a number of seconds."""
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise ValueError("must be a time as in RFC 3339, such as 2026-11-24T08:00:00Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # It lies within the first or last hours of datetime's range, and its UTC equivalent lies outside.
        end = datetime.min if moment.replace(tzinfo=UTC) < _MIDDLE else datetime.max
        return end.replace(tzinfo=UTC)


Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def future_instant(given: Any, otherwise: str) -> datetime:
    """The instant that a body's field names, in whole seconds.

    Raises:
        ValueError: it names none, or one that has passed; `otherwise` says what to do instead.
    """
    try:
        moment = _INSTANT.validate_python(given)
    except ValidationError:
        raise ValueError("must be a time as in RFC 3339, such as 2027-11-24T08:00:00Z") from None
    if moment <= utc_now():
        raise ValueError(f"must be in the future; {otherwise}")
    return moment.replace(microsecond=0)
