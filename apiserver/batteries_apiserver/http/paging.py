"""Paging, if the caller asks for it: `limit` and `cursor` in, `Link: <…>; rel="next"` out (RFC 8288).

A cursor holds a sort key, not an offset: items that are added or removed between two pages neither repeat nor hide
other items, and no cursor expires. `cursors` has its form.
"""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field

from batteries_apiserver.http.cursors import cursor_of, sort_key_in
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


def start_of(request: web.Request, query: PageQuery) -> str | None:
    """Returns the sort key after which the wanted page begins; None: at the start.

    Raises:
        BadRequest: the cursor is not one of this list's.
    """
    return None if query.cursor is None else sort_key_in(query.cursor, request.path)


def page(
    ordered: Sequence[tuple[str, T]], query: PageQuery, after: str | None
) -> tuple[Sequence[tuple[str, T]], str | None]:
    """Returns the wanted page of a list sorted by key, and the sort key of its last item if more items follow."""
    start = 0 if after is None else bisect_right(ordered, after, key=lambda entry: entry[0])
    end = len(ordered) if query.most is None else start + query.most
    part = ordered[start:end]
    return part, (part[-1][0] if part and end < len(ordered) else None)


def links(request: web.Request, query: PageQuery, following: str | None) -> dict[str, str]:
    """The headers of a page: a link to the next one, with the path as customers see it and the request's query.

    `following` is the sort key of the page's last item, None if no more items follow.
    """
    if following is None:
        return {}
    here = request.rel_url.update_query(limit=str(query.most), cursor=cursor_of(following, request.path))
    target = request.app[SETTINGS].reference_to(str(here))
    return {"Link": f'<{target}>; rel="next"'}
