"""The only writer of an AwsAccount's status.

Each write carries the resourceVersion that it is based on. If somebody else has written the *status* meanwhile, the
write is given up and the reconcile starts again from the new status, so two operators can't both believe that they
wrote the intent. If only the spec or metadata changed, the same status is written to the newer version.

A change that a crash may lose, because AWS shows it again, may wait for the next write (`defer`), for a second at most.
A write costs Kubernetes more than the AWS call that it reports.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, status_of
from batteries_operator.runtime.metrics import STATUS_WRITES

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MAX_TRIES = 5

LONGEST_SECONDS = 1.0
"""The longest that a deferred change stays unwritten."""


class LostRaceError(Exception):
    """Somebody else wrote this account's status, or deleted it; look again before doing anything."""


class StatusWriter:
    """Holds the account as it is stored, and as this reconcile wants it."""

    def __init__(self, accounts: Resources[AwsAccount], account: AwsAccount) -> None:
        self._accounts = accounts
        self._stored = account
        self.account = account
        self._lock = asyncio.Lock()  # steps that run side by side share the writer
        self._due: float | None = None
        self._on_written: list[Callable[[], None]] = []

    @property
    def stored(self) -> AwsAccount:
        """The account as Kubernetes has it, as far as we know."""
        return self._stored

    async def flush(self, *, unless_deleted: bool = False) -> bool:
        """Writes what differs; returns False if nothing does.

        Raises:
            LostRaceError: somebody else wrote the status; or, with `unless_deleted`, the account is being deleted, so
                that the action that this write precedes must not happen.
        """
        async with self._lock:
            self._due, told, self._on_written = None, self._on_written, []
            # Without a new status since the last write there is nothing to compare.
            try:
                written = self.account.status is not self._stored.status and await self._flush(unless_deleted)
            except BaseException:
                self._on_written = told + self._on_written  # the next write calls them
                raise
        for tell in told:
            tell()
        return written

    async def try_flush(self) -> None:
        """As `flush`, but if Kubernetes refuses or does not answer, the write is deferred again.

        Raises:
            LostRaceError: as `flush`.
        """
        try:
            await self.flush()
        except (ApiException, *UNANSWERED) as error:
            log.info("deferred_status_not_written", detail=str(error))
            self.defer()

    def defer(self) -> None:
        """Lets the unwritten change wait for the next write, or a second."""
        self._due = self._due or asyncio.get_running_loop().time() + LONGEST_SECONDS

    def on_written(self, tell: Callable[[], None]) -> None:
        """Calls `tell` once the account is written as it is now; never, if no write succeeds."""
        self._on_written.append(tell)

    @property
    def deferred_for(self) -> float | None:
        """Seconds for which the deferred change may still wait; None if nothing is deferred."""
        return None if self._due is None else max(0.0, self._due - asyncio.get_running_loop().time())

    async def _flush(self, unless_deleted: bool) -> bool:
        wanted = self.account
        patch = _difference(self._stored.status.to_wire(), wanted.status.to_wire())
        if not patch:
            return False
        for _ in range(MAX_TRIES):
            meta = self._stored.metadata
            body = {"metadata": {"resourceVersion": meta.resource_version}, "status": patch}
            try:
                STATUS_WRITES.inc()
                stored = await self._accounts.merge_status(meta.namespace, meta.name, body)
            except ApiException as error:
                if status_of(error) == NOT_FOUND:
                    raise LostRaceError(f"{self._stored.key} is gone.") from error
                if status_of(error) != CONFLICT:
                    raise
                await self._refresh(unless_deleted)
            else:
                self._stored = stored
                if self.account is wanted:  # else another step already has more to write
                    # Keeps the spec and generation of this reconcile: its outcomes are for the spec that it read.
                    self.account = wanted.model_copy(update={"status": stored.status})
                return True
        raise LostRaceError(f"{self._stored.key} changes faster than its status can be written.")

    async def _refresh(self, unless_deleted: bool) -> None:
        meta = self._stored.metadata
        fresh = await self._accounts.find(meta.namespace, meta.name)
        if fresh is None or fresh.metadata.uid != meta.uid:
            raise LostRaceError(f"{self._stored.key} is gone.")
        if unless_deleted and fresh.metadata.deletion_timestamp is not None:
            raise LostRaceError(f"{self._stored.key} is being deleted.")
        if fresh.status != self._stored.status:
            raise LostRaceError(f"The status of {self._stored.key} was written by somebody else.")
        self._stored = fresh


def _difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The JSON merge patch from `old` to `new`; null removes a field."""
    return {key: _merged(old.get(key), new.get(key)) for key in {*old, *new} if old.get(key) != new.get(key)}


def _merged(old: Any, new: Any) -> Any:
    """Objects are merged key by key by the API server, so a key that goes has to be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _difference(old, new)
    return new
