"""The provisioning events of all accounts, in the order of time, so that none are looked through to find a few.

The events are in the accounts' histories; this follows the accounts' cache, and knows which accounts have events of
which five minutes. Who asks for a time gets those accounts' events of it, read and put in order then: an order of every
single event would weigh more than all else that is kept of an account. Deleted accounts take their events along.
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
"""Something of that status, or of any (None), happened in that span since 1970."""


class Entry(NamedTuple):
    """An event, and its place in the order of all."""

    sort_key: str
    event: AdminEvent


class EventLog:
    """Which accounts have events of a span, for each status by itself, and over all."""

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
        """The events, oldest first: of that status, not before `since`, after the cursor.

        What changes while they are taken may be in it or not.
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
    """An account's events of the span. Those of one instant are told apart by their order."""
    meta = account.metadata
    last, same = "", 0
    wanted = [event for event in decompressed(account.status.history) if _span_of(event) == span]
    for event in views_of(str(account.account_id), wanted):
        same = same + 1 if event["timestamp"] == last else 0
        last = event["timestamp"]
        yield Entry(sort_key(datetime.fromisoformat(last), meta.namespace, meta.name, f"{same:03d}"), event)
