"""What is shown of each account, made once for each of its versions: reads put bytes together and make nothing anew.

Only `message` says how long something has been going on; it is the one part that is made for each answer. The
invariant: what is kept belongs to the very object that is asked about, and another one is shown as it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

import orjson
from sortedcontainers import SortedDict

from batteries_apiserver.http.entity_tags import combined, tag_of
from batteries_apiserver.http.responses import json_list
from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.admin_account_views import for_admins
from batteries_apiserver.projections.message import doing, sentence
from batteries_crds.aws_account import AwsAccount


class SerializedAccount:
    """One account as JSON, in pieces."""

    __slots__ = ("_doing", "_more", "_rest", "_since", "_start", "account", "sort_key", "summary", "tag")

    def __init__(self, account: AwsAccount) -> None:
        rest = {**account_views.detail(account)}
        start = {name: rest.pop(name) for name in list(rest)[: list(rest).index("message")]}
        del rest["message"]
        self.account = account
        self.sort_key = account_views.sort_key_of(account)
        self.tag = tag_of(account)
        self.summary = _fitting(orjson.dumps(account_views.summary(account)))
        self._doing, since = doing(account)
        self._since = since.timestamp() if since else None
        self._start = orjson.dumps(start)[:-1] + b',"message":'
        self._rest = _further(rest)
        self._more = _further(for_admins(account))

    def detail(self) -> bytes:
        """AccountDetail."""
        return b"%b%b%b}" % (self._start, self._message(), self._rest)

    def admin_detail(self) -> bytes:
        """AdminAccount."""
        return b"%b%b%b%b}" % (self._start, self._message(), self._rest, self._more)

    def _message(self) -> bytes:
        return orjson.dumps(sentence(self._doing, self._since, time.time()))


def _fitting(text: bytes) -> bytes:
    """The same in as much room as it needs: orjson leaves a page to what it makes."""
    return b"%b" % text


def _further(fields: object) -> bytes:
    """As they stand behind others in an object."""
    text = orjson.dumps(fields)[1:-1]
    return b"," + text if text else b""


class SerializedAccounts:
    """All that are in the accounts' cache, which this follows, and their order: oldest first."""

    def __init__(self) -> None:
        self._by_uid: dict[str, SerializedAccount] = {}
        self._by_sort_key: SortedDict[str, SerializedAccount] = SortedDict()
        self._lists: dict[str, tuple[str, bytes]] = {}

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        for account in (before, after):
            if account is not None and account.spec.customer_ref is not None:
                self._lists.pop(account.spec.customer_ref.name, None)
        old = self._by_uid.pop(before.metadata.uid, None) if before is not None else None
        new = SerializedAccount(after) if after is not None else None
        if old is not None and (new is None or new.sort_key != old.sort_key):
            del self._by_sort_key[old.sort_key]
        if new is not None:
            self._by_uid[new.account.metadata.uid] = self._by_sort_key[new.sort_key] = new

    def of(self, account: AwsAccount) -> SerializedAccount:
        """That account, also where the cache has another version of it, or none."""
        found = self._by_uid.get(account.metadata.uid)
        return found if found is not None and found.account is account else SerializedAccount(account)

    def whole_list(self, customer: str, find: Callable[[], Iterable[AwsAccount]]) -> tuple[str, bytes]:
        """The tag and the JSON of AccountList with all accounts that `find` finds, which are the customer's.

        Kept until one of them changes: whoever waits for an account asks for this again and again.
        """
        found = self._lists.get(customer)
        if found is None:
            serialized = sorted((self.of(account) for account in find()), key=attrgetter("sort_key"))
            body = json_list("accounts", [one.summary for one in serialized])
            found = self._lists[customer] = (combined(*[one.tag for one in serialized]), body)
        return found

    def after(self, cursor: str | None) -> Iterator[SerializedAccount]:
        """The accounts beyond `cursor`; those that go before they are taken are left out."""
        places = list(self._by_sort_key.irange(minimum=cursor, inclusive=(False, False)))
        return (serialized for sort_key in places if (serialized := self._by_sort_key.get(sort_key)) is not None)
