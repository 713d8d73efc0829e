"""Each account's JSON, serialized once for each version of the account: reads only join bytes.

Only `message` depends on the time and on other objects, so it alone is made for each response. The invariant: cached
JSON is used only for the very object that it was made from; any other version is serialized on request.
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
from batteries_apiserver.projections.message import READY_IN_POOL, sentence, state_of
from batteries_crds.aws_account import AwsAccount

HasPool = Callable[[AwsAccount], bool]
"""Whether a pool has an AWS account ready for this one."""


class SerializedAccount:
    """One account as JSON, in pieces."""

    __slots__ = ("_has_pool", "_more", "_rest", "_since", "_start", "_state", "account", "sort_key", "summary", "tag")

    def __init__(self, account: AwsAccount, has_pool: HasPool | None = None) -> None:
        rest = {**account_views.detail(account)}
        start = {name: rest.pop(name) for name in list(rest)[: list(rest).index("message")]}
        del rest["message"]
        self.account = account
        self.sort_key = account_views.sort_key_of(account)
        self.tag = tag_of(account)
        self.summary = _shrunk(orjson.dumps(account_views.summary(account)))
        self._state, since = state_of(account)
        self._since = since.timestamp() if since else None
        self._has_pool = has_pool
        self._start = orjson.dumps(start)[:-1] + b',"message":'
        self._rest = _members(rest)
        self._more = _members(for_admins(account))

    def detail(self) -> bytes:
        """AccountDetail."""
        return b"%b%b%b}" % (self._start, self._message(), self._rest)

    def admin_detail(self) -> bytes:
        """AdminAccount."""
        return b"%b%b%b%b}" % (self._start, self._message(), self._rest, self._more)

    def _message(self) -> bytes:
        # While it waits for an AWS account, the sentence depends on the pools too.
        state = READY_IN_POOL if self._has_pool and self._has_pool(self.account) else self._state
        return orjson.dumps(sentence(state, self._since, time.time()))


def _shrunk(text: bytes) -> bytes:
    """A copy that takes only the memory it needs: orjson allocates more for its results."""
    return b"%b" % text


def _members(fields: object) -> bytes:
    """The fields as they follow others in a JSON object: with a leading comma, without braces."""
    text = orjson.dumps(fields)[1:-1]
    return b"," + text if text else b""


class SerializedAccounts:
    """The JSON of all accounts in the cache, sorted oldest first; it follows the accounts' cache."""

    def __init__(self, has_pool: HasPool | None = None) -> None:
        self._has_pool = has_pool
        self._by_uid: dict[str, SerializedAccount] = {}
        self._by_sort_key: SortedDict[str, SerializedAccount] = SortedDict()
        self._lists: dict[str, tuple[str, bytes]] = {}

    def observe(self, before: AwsAccount | None, after: AwsAccount | None) -> None:
        """An account was added, changed or removed."""
        for account in (before, after):
            if account is not None and account.spec.customer_ref is not None:
                self._lists.pop(account.spec.customer_ref.name, None)
        old = self._by_uid.pop(before.metadata.uid, None) if before is not None else None
        new = SerializedAccount(after, self._has_pool) if after is not None else None
        if old is not None and (new is None or new.sort_key != old.sort_key):
            del self._by_sort_key[old.sort_key]
        if new is not None:
            self._by_uid[new.account.metadata.uid] = self._by_sort_key[new.sort_key] = new

    def of(self, account: AwsAccount) -> SerializedAccount:
        """The account's JSON, even if the cache has another version of the account, or none."""
        found = self._by_uid.get(account.metadata.uid)
        is_same = found is not None and found.account is account
        return found if found is not None and is_same else SerializedAccount(account, self._has_pool)

    def whole_list(self, customer: str, find: Callable[[], Iterable[AwsAccount]]) -> tuple[str, bytes]:
        """Returns the tag and the JSON of the AccountList with all of the customer's accounts, which `find` returns.

        It is cached until one of them changes, because clients that wait for an account poll this list.
        """
        found = self._lists.get(customer)
        if found is None:
            serialized = sorted((self.of(account) for account in find()), key=attrgetter("sort_key"))
            body = json_list("accounts", [one.summary for one in serialized])
            found = self._lists[customer] = (combined(*[one.tag for one in serialized]), body)
        return found

    def after(self, cursor: str | None) -> Iterator[SerializedAccount]:
        """Yields the accounts after `cursor`, without those that are removed during the iteration."""
        keys = list(self._by_sort_key.irange(minimum=cursor, inclusive=(False, False)))
        return (serialized for key in keys if (serialized := self._by_sort_key.get(key)) is not None)
