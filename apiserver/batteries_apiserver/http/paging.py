"""Lists in pages, where the caller asks for pages: `limit` and `cursor` in, `Link: <…>; rel="next"` out (RFC 8288).

A cursor is a place in the list's order, not a position in one list of some moment: what is added or removed between
two pages neither repeats nor hides anything else. Every text is a place, so no cursor can be wrong or expire.
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
    description='Where limit or cursor was given and there is more: the next page, as `<…>; rel="next"` (RFC 8288).',
)


class PageQuery(Query):
    """Which part of a list is wanted. Without both, the whole."""

    limit: Annotated[int | None, Field(ge=1, le=1000, description="At most so many; the Link header has the rest.")] = (
        None
    )
    cursor: Annotated[str | None, Field(max_length=1024, description="Where the page before ended; from its Link.")] = (
        None
    )

    @property
    def is_whole(self) -> bool:
        """Whether no part is asked for."""
        return self.limit is None and self.cursor is None

    @property
    def most(self) -> int | None:
        """How many at most; None for all."""
        return _DEFAULT_LIMIT if self.limit is None and self.cursor is not None else self.limit


def sort_key(moment: datetime | None, *names: str) -> str:
    """A sortable, URL-safe text: by time first."""
    microseconds = 0 if moment is None else max(0, (moment - EPOCH) // timedelta(microseconds=1))
    return "~".join([f"{microseconds:0{_DIGITS}d}", *names])


def moment_of(cursor: str) -> datetime:
    """The time that a place begins with; of another text, one that no place beyond it is before."""
    digits = cursor[:_DIGITS]
    if len(digits) == _DIGITS and digits.isascii() and digits.isdecimal():
        with suppress(OverflowError):
            return EPOCH + timedelta(microseconds=int(digits))
    return EPOCH if cursor[:1] < "9" else datetime.max.replace(tzinfo=UTC)


def page(ordered: Sequence[tuple[str, T]], query: PageQuery) -> tuple[Sequence[tuple[str, T]], str | None]:
    """The wanted part of a list ordered by place, and the cursor of the next, where there is more."""
    start = 0 if query.cursor is None else bisect_right(ordered, query.cursor, key=lambda entry: entry[0])
    end = len(ordered) if query.most is None else start + query.most
    part = ordered[start:end]
    return part, (part[-1][0] if part and end < len(ordered) else None)


def links(request: web.Request, query: PageQuery, following: str | None) -> dict[str, str]:
    """The headers of a page: the request's own path, as customers have it, and its query, one page on."""
    if following is None:
        return {}
    here = request.rel_url.update_query(limit=str(query.most), cursor=following)
    target = request.app[SETTINGS].reference_to(str(here))
    return {"Link": f'<{target}>; rel="next"'}
