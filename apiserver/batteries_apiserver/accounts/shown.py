"""What is shown of each account, made once for each of its versions: reads put bytes together and make nothing anew.

Only `message` says how long something has been going on; it is the one part that is made for each answer. The
invariant: what is kept belongs to the very object that is asked about, and another one is shown as it is.
"""

from collections.abc import Iterable

import orjson
from aiohttp import ETag

from batteries_apiserver.accounts import views
from batteries_apiserver.accounts.message import doing, sentence
from batteries_apiserver.admin.views import for_admins
from batteries_apiserver.entity_tags import tag_of
from batteries_apiserver.order import Order
from batteries_crds.aws_account import AwsAccount


class Shown:
    """One account as JSON, in pieces."""

    __slots__ = ("_doing", "_more", "_rest", "_start", "account", "place", "summary", "tag")

    def __init__(self, account: AwsAccount) -> None:
        rest = {**views.detail(account)}
        start = {name: rest.pop(name) for name in list(rest)[: list(rest).index("message")]}
        del rest["message"]
        self.account = account
        self.place = views.place_of(account)
        self.tag: ETag = tag_of([account])
        self.summary = orjson.dumps(views.summary(account))
        self._doing = doing(account)
        self._start = orjson.dumps(start)[:-1] + b',"message":'
        self._rest = _further(rest)
        self._more = _further(for_admins(account))

    def detail(self) -> bytes:
        """AccountDetail."""
        return b"%b%b%b}" % (self._start, orjson.dumps(sentence(*self._doing)), self._rest)

    def admin_detail(self) -> bytes:
        """AdminAccount."""
        return b"%b%b%b%b}" % (self._start, orjson.dumps(sentence(*self._doing)), self._rest, self._more)


def _further(fields: object) -> bytes:
    """As they stand behind others in an object."""
    text = orjson.dumps(fields)[1:-1]
    return b"," + text if text else b""


class ShownAccounts:
    """All that are in the accounts' cache, which this follows, and their order: oldest first."""

    def __init__(self) -> None:
        self._by_key: dict[str, Shown] = {}
        self._by_place: dict[str, Shown] = {}
        self._order = Order()

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        old = self._by_key.pop(before.key, None) if before is not None else None
        new = Shown(after) if after is not None else None
        if old is not None and (new is None or new.place != old.place):
            del self._by_place[old.place]
            self._order.remove(old.place)
        if new is not None:
            if new.place not in self._by_place:
                self._order.add(new.place)
            self._by_key[new.account.key] = self._by_place[new.place] = new

    def of(self, account: AwsAccount) -> Shown:
        """That account, also where the cache has another version of it, or none."""
        kept = self._by_key.get(account.key)
        return kept if kept is not None and kept.account is account else Shown(account)

    def places(self, cursor: str | None) -> list[str]:
        """Where each account stands, beyond `cursor`."""
        return list(self._order.after("", cursor))

    def at(self, places: Iterable[str]) -> Iterable[Shown]:
        """The accounts there; those that are gone by now are left out."""
        return (shown for place in places if (shown := self._by_place.get(place)) is not None)
