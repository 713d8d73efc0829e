"""The provisioning events of all accounts, in the order of time, so that none are looked through to find a few.

The events are in the accounts' histories; this follows the accounts' cache, and holds the order of exactly what the
accounts in it hold. Deleted accounts take their events with them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from batteries_apiserver.order import Order
from batteries_apiserver.paging import place
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import HistoryEvent
from batteries_crds.names import EventStatus

Entry = tuple[str, HistoryEvent]
"""The account's id and one of its events."""

_READ_AT_ONCE = 64
"""Histories that are kept as events while they are read: events that follow each other are of few accounts."""


class EventLog:
    """The order of the events' places, over all, and for each status by itself; and the accounts that hold them."""

    def __init__(self) -> None:
        self._accounts: dict[str, AwsAccount] = {}
        self._read: dict[str, tuple[AwsAccount, dict[str, Entry]]] = {}
        self._orders: dict[EventStatus | None, Order] = {status: Order() for status in (None, *EventStatus)}

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        old, new = _entries(before), _entries(after)
        for where, entry in _beyond(old, new):
            for order in self._of(entry):
                order.remove(where)
        for where, entry in _beyond(new, old):
            for order in self._of(entry):
                order.add(where)
        if before is not None:
            self._accounts.pop(before.key, None)
        if after is not None:
            self._accounts[after.key] = after

    def places(
        self, *, status: EventStatus | None = None, since: datetime | None = None, cursor: str | None = None
    ) -> list[str]:
        """Where the events stand, oldest first: of that status, not before `since`, after the cursor."""
        return list(self._orders[status].after(place(since) if since else "", cursor))

    def at(self, places: Iterable[str]) -> Iterator[Entry]:
        """The events there; those that are gone by now are left out."""
        for where in places:
            _, namespace, name, _ = where.split("~")
            entry = self._entries_of(f"{namespace}/{name}").get(where)
            if entry is not None:
                yield entry

    def find(
        self, *, status: EventStatus | None = None, since: datetime | None = None, cursor: str | None = None
    ) -> Iterator[tuple[str, Entry]]:
        """Places and events at once."""
        places = self.places(status=status, since=since, cursor=cursor)
        return zip(places, self.at(places), strict=True)

    def _entries_of(self, key: str) -> dict[str, Entry]:
        account = self._accounts.get(key)
        if account is None:
            return {}
        read = self._read.get(key)
        if read is None or read[0] is not account:
            if len(self._read) >= _READ_AT_ONCE:
                self._read.clear()
            read = self._read[key] = (account, _entries(account))
        return read[1]

    def _of(self, entry: Entry) -> tuple[Order, Order]:
        return self._orders[None], self._orders[entry[1].status]


def _beyond(some: dict[str, Entry], others: dict[str, Entry]) -> list[tuple[str, Entry]]:
    """What is in `some` and not, or not so, in `others`."""
    return [(where, entry) for where, entry in some.items() if others.get(where) != entry]


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
