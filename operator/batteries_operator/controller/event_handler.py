"""Handles watch events of accounts: counts them, notes which are pending, and wakes those whose spec changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.names import ANNOTATION_RETRY, FINALIZER
from batteries_operator.controller.account_metrics import AccountMetrics
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.resync import Resync


@dataclass(frozen=True, slots=True)
class _Known:
    """What the handler remembers of an account from one event to the next."""

    wish: tuple[int, str | None, frozenset[str], bool, bool, bool]
    """Generation, retry annotation, holds, whether it has our finalizer, whether AWS is to close it now, whether it is
    wanted. A change of these wakes the account."""
    pending: bool
    """Whether the account needs a reconcile."""


class WatchedWork:
    """Knows which of the objects that the watch has shown need a reconcile, by UID."""

    def __init__(self, controller: Controller, *others: Callable[[AwsAccount], None]) -> None:
        """Each of `others` is called with every account that an event shows."""
        self._controller = controller
        self._others = others
        self._known: dict[str, _Known] = {}
        controller.deps.registries.while_it_exists(self)

    def seen(self, account: AwsAccount) -> bool:
        """Handles an account that was added or changed; returns whether it was not known before.

        Wakes it if its spec or holds changed, it was claimed, a retry is requested, or our finalizer was added.
        """
        meta = account.metadata
        retry, is_kept = meta.annotations.get(ANNOTATION_RETRY), FINALIZER in meta.finalizers
        wish = meta.generation, retry, account.holds, is_kept, account.is_closure_due, account.is_wanted
        now = _Known(wish, self._controller.observe(account))
        before, self._known[meta.uid] = self._known.get(meta.uid), now
        if before is None or before.wish != now.wish:
            self._controller.wakeups.wake(meta.uid)
        for tell in self._others:
            tell(account)
        return before is None

    def forget(self, uid: str) -> None:
        """Drops the account, which is gone."""
        self._known.pop(uid, None)

    def is_pending(self, uid: str) -> bool:
        """Whether the account needed a reconcile when it was seen last."""
        return uid in self._known and self._known[uid].pending


class EventHandler(WatchedWork):
    """The same of customers' accounts, which are counted and compared with AWS too."""

    def __init__(self, controller: Controller, resync: Resync, *others: Callable[[AwsAccount], None]) -> None:
        super().__init__(controller, *others)
        self._resync = resync
        self._metrics = controller.deps.registries.while_it_exists(AccountMetrics())

    def updated(self, account: AwsAccount, body: Mapping[str, Any]) -> None:
        """Handles an account that was added or changed; `body` is its JSON."""
        self._metrics.update(account.metadata.uid, body.get("status", {}))
        if self.seen(account):
            self._resync.add(ObjectRef.of(account))
