"""Paging, if the caller asks for it: `limit` and `cursor` in, `Link: <…>; rel="next"` out (RFC 8288).

A cursor is a sort key, not an offset: items that are added or removed between two pages neither repeat nor hide other
items. Any text is a valid sort key, so no cursor can be wrong or expire.
"""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field

from batteries_apiserver.http.query import Query
from batteries_apiserver.http.route import Header
from batteries_apiserver.settings import SETTINGS
from batteries_crds.base import EPOCH

_DEFAULT_LIMIT = 100
_DIGITS = 18

T = TypeVar("T")

LINK = Header(
    name="Link",
    description='The next page, as `<…>; rel="next"` (RFC 8288), if limit or cursor was given and more items follow.',
)


class PageQuery(Query):
    """Which page of a list the caller wants; the whole list if both are absent."""

    limit: Annotated[
        int | None,
        Field(ge=1, le=1000, description="The largest number of items to return; the Link header leads to the rest."),
    ] = None
    cursor: Annotated[
        str | None, Field(max_length=1024, description="Where the previous page ended, from its Link header.")
    ] = None

    @property
    def is_whole(self) -> bool:
        """Whether the caller wants the whole list."""
        return self.limit is None and self.cursor is None

    @property
    def most(self) -> int | None:
        """The largest number of items on the page; None for all."""
        return _DEFAULT_LIMIT if self.limit is None and self.cursor is not None else self.limit


def sort_key(moment: datetime | None, *names: str) -> str:
    """A sortable, URL-safe text: time first, then names."""
    microseconds = 0 if moment is None else max(0, (moment - EPOCH) // timedelta(microseconds=1))
    return "~".join([f"{microseconds:0{_DIGITS}d}", *names])


def moment_of(cursor: str) -> datetime:
    """The time at the start of a sort key. For any other text: a lower bound of the times of all keys after it."""
    digits = cursor[:_DIGITS]
    if len(digits) == _DIGITS and digits.isascii() and digits.isdecimal():
        with suppress(OverflowError):
            return EPOCH + timedelta(microseconds=int(digits))
    return EPOCH if cursor[:1] < "9" else datetime.max.replace(tzinfo=UTC)


def page(ordered: Sequence[tuple[str, T]], query: PageQuery) -> tuple[Sequence[tuple[str, T]], str | None]:
    """Returns the wanted page of a list sorted by key, and the next page's cursor if there is one."""
    start = 0 if query.cursor is None else bisect_right(ordered, query.cursor, key=lambda entry: entry[0])
    end = len(ordered) if query.most is None else start + query.most
    part = ordered[start:end]
    return part, (part[-1][0] if part and end < len(ordered) else None)


def links(request: web.Request, query: PageQuery, following: str | None) -> dict[str, str]:
    """The headers of a page: a link to the next one, with the path as customers see it and the request's query."""
    if following is None:
        return {}
    here = request.rel_url.update_query(limit=str(query.most), cursor=following)
    target = request.app[SETTINGS].reference_to(str(here))
    return {"Link": f'<{target}>; rel="next"'}
