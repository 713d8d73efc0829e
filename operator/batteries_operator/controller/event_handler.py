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

    wish: tuple[int, str | None, frozenset[str], bool, bool]
    """Generation, retry annotation, holds, whether it has our finalizer, whether AWS is to close it now. A change of
    these wakes the account."""
    pending: bool
    """Whether the account needs a reconcile."""


class EventHandler:
    """Knows the accounts that the watch has shown, by UID."""

    def __init__(self, controller: Controller, resync: Resync, *others: Callable[[AwsAccount], None]) -> None:
        """Each of `others` is called with every account that an event shows."""
        self._controller = controller
        self._resync = resync
        self._others = others
        self._known: dict[str, _Known] = {}
        self._metrics = controller.deps.registries.while_it_exists(AccountMetrics())
        controller.deps.registries.while_it_exists(self)

    def updated(self, account: AwsAccount, body: Mapping[str, Any]) -> None:
        """Handles an account that was added or changed; `body` is its JSON.

        Wakes it if its spec or holds changed, a retry is requested, or our finalizer was added.
        """
        meta = account.metadata
        self._metrics.update(meta.uid, body.get("status", {}))
        retry, is_kept = meta.annotations.get(ANNOTATION_RETRY), FINALIZER in meta.finalizers
        wish = meta.generation, retry, account.holds, is_kept, account.is_closure_due
        now = _Known(wish, self._controller.observe(account))
        before, self._known[meta.uid] = self._known.get(meta.uid), now
        if before is None:
            self._resync.add(ObjectRef.of(account))
        if before is None or before.wish != now.wish:
            self._controller.wakeups.wake(meta.uid)
        for tell in self._others:
            tell(account)

    def forget(self, uid: str) -> None:
        """Drops the account, which is gone."""
        self._known.pop(uid, None)

    def is_pending(self, uid: str) -> bool:
        """Whether the account needed a reconcile when it was seen last."""
        return uid in self._known and self._known[uid].pending
