"""An index of all accounts' provisioning events by time, so that a query reads only the accounts that match.

The events themselves are in the accounts' histories. This follows the accounts' cache, and knows for each span of five
minutes which accounts have events in it. A query reads and sorts the events of the accounts in its spans; an index of
every single event would take more memory than everything else that is kept of an account. The events of a deleted
account disappear with it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sortedcontainers import SortedDict

from batteries_apiserver.cache.compressed import decompressed
from batteries_apiserver.http.paging import moment_of, sort_key
from batteries_apiserver.projections.event_views import AdminEvent, views_of
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import EPOCH
from batteries_crds.names import EventStatus

_SPAN = timedelta(minutes=5)

Span = tuple[EventStatus | None, int]
"""A status, or None for any, and the number of the span since 1970."""


class Entry(NamedTuple):
    """An event and its sort key."""

    sort_key: str
    event: AdminEvent


class EventLog:
    """Which accounts have events in a span, for each status and for all together."""

    def __init__(self) -> None:
        self._accounts: dict[EventStatus | None, SortedDict[int, dict[str, AwsAccount]]] = {
            status: SortedDict() for status in (None, *EventStatus)
        }

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        if before is not None:
            for status, span in _spans(before):
                accounts = self._accounts[status][span]
                accounts.pop(before.key)
                if not accounts:
                    del self._accounts[status][span]
        if after is not None:
            for status, span in _spans(after):
                self._accounts[status].setdefault(span, {})[after.key] = after

    def find(
        self, *, status: EventStatus | None = None, since: datetime | None = None, cursor: str | None = None
    ) -> Iterator[Entry]:
        """Yields the events with this status, not before `since` and after the cursor, oldest first.

        Changes during the iteration may or may not be included.
        """
        spans = self._accounts[status]
        first, beyond = sort_key(since) if since is not None else "", cursor or ""
        start = _span(max(since or EPOCH, moment_of(beyond)))
        for span in list(spans.irange(minimum=start)):
            entries = [entry for account in list(spans.get(span, {}).values()) for entry in _entries(account, span)]
            for entry in sorted(entries, key=lambda entry: entry.sort_key):
                if entry.sort_key >= first and entry.sort_key > beyond and status in (None, entry.event["status"]):
                    yield entry


def _span(moment: datetime) -> int:
    return (moment - EPOCH) // _SPAN


def _span_of(event: Mapping[str, Any]) -> int:
    return _span(datetime.fromisoformat(event["timestamp"]))


def _spans(account: AwsAccount) -> set[Span]:
    found: set[Span] = set()
    for event in decompressed(account.status.history):
        span = _span_of(event)
        found |= {(None, span), (EventStatus(event["status"]), span)}
    return found


def _entries(account: AwsAccount, span: int) -> Iterator[Entry]:
    """An account's events in the span. Events with the same timestamp are numbered in their order."""
    meta = account.metadata
    last, same = "", 0
    wanted = [event for event in decompressed(account.status.history) if _span_of(event) == span]
    for event in views_of(str(account.account_id), wanted):
        same = same + 1 if event["timestamp"] == last else 0
        last = event["timestamp"]
        yield Entry(sort_key(datetime.fromisoformat(last), meta.namespace, meta.name, f"{same:03d}"), event)
