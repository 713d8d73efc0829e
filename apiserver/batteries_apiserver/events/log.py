"""The provisioning events of all accounts, in the order of time, so that none are looked through to find a few.

The events are in the accounts' histories; this follows the accounts' cache, and holds exactly what the accounts in it
hold. Deleted accounts take their events with them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from batteries_apiserver.paging import place
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import HistoryEvent
from batteries_crds.names import EventStatus

Entry = tuple[str, HistoryEvent]
"""The account's id and one of its events."""

_NEAR = 1000


class EventLog:
    """All events by place, and the order of the places: over all, and for each status by itself."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._orders: dict[EventStatus | None, _Order] = {status: _Order() for status in (None, *EventStatus)}

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        old, new = _entries(before), _entries(after)
        for where, entry in old.items():
            if new.get(where) != entry:
                del self._entries[where]
                for order in self._of(entry):
                    order.remove(where)
        for where, entry in new.items():
            if old.get(where) != entry:
                self._entries[where] = entry
                for order in self._of(entry):
                    order.add(where)

    def find(
        self, *, status: EventStatus | None = None, since: datetime | None = None, cursor: str | None = None
    ) -> Iterator[tuple[str, Entry]]:
        """Places and events, oldest first: of that status, not before `since`, after the cursor."""
        for where in self._orders[status].after(place(since) if since else "", cursor):
            yield where, self._entries[where]

    def _of(self, entry: Entry) -> tuple["_Order", "_Order"]:
        return self._orders[None], self._orders[entry[1].status]


class _Order:
    """Texts in order. Most come last or nearly so; after many that don't, as in a first list, it is sorted once."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._sorted = True

    def add(self, text: str) -> None:
        if self._sorted:
            where = bisect_left(self._texts, text)
            if len(self._texts) - where <= _NEAR:
                self._texts.insert(where, text)
                return
            self._sorted = False
        self._texts.append(text)

    def remove(self, text: str) -> None:
        self._sort()
        del self._texts[bisect_left(self._texts, text)]

    def after(self, since: str, cursor: str | None) -> Iterator[str]:
        """From `since` on, and beyond `cursor`."""
        self._sort()
        start = bisect_left(self._texts, since)
        if cursor is not None:
            start = max(start, bisect_right(self._texts, cursor))
        return islice(self._texts, start, None)

    def _sort(self) -> None:
        if not self._sorted:
            self._texts.sort()
            self._sorted = True


def _entries(account: AwsAccount | None) -> dict[str, Entry]:
    """An account's events by place. Events of one instant are told apart by their order."""
    if account is None:
        return {}
    account_id = str(account.account_id)
    found: dict[str, Entry] = {}
    last, same = None, 0
    for event in account.status.history:
        same = same + 1 if event.timestamp == last else 0
        last = event.timestamp
        where = place(event.timestamp, account.metadata.namespace, account.metadata.name, f"{same:03d}")
        found[where] = (account_id, event)
    return found
