"""The only writer of an AwsAccount's status.

Each write carries the resourceVersion it was made from. Where somebody else wrote the *status* meanwhile, the write is
given up and the reconcile starts again from what is there now: two operators can't both believe they wrote the intent.
Where only the spec or metadata moved on, the same status is written over the newer version.

What a crash may lose, because a look at AWS shows it again, may wait for the next write (`defer`): it goes out with
that, or by itself when it has waited for a second. A write costs Kubernetes more than the AWS call it tells of.
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
"""So long may what was put off go unwritten."""


class LostRaceError(Exception):
    """Somebody else wrote this account's status, or deleted it; look again before doing anything."""


class StatusWriter:
    """Holds the account as it is written, and as this reconcile would have it."""

    def __init__(self, accounts: Resources[AwsAccount], account: AwsAccount) -> None:
        self._accounts = accounts
        self._stored = account
        self.account = account
        self._lock = asyncio.Lock()  # steps that run side by side share the writer
        self._due: float | None = None
        self._on_written: list[Callable[[], None]] = []

    @property
    def stored(self) -> AwsAccount:
        """The account as Kubernetes has it, for all that we know."""
        return self._stored

    async def flush(self, *, unless_deleted: bool = False) -> bool:
        """Writes what differs; False where nothing does.

        Raises:
            LostRaceError: the status moved on under us; or, with `unless_deleted`, the account is being deleted, so
                that what was to be written down first must not be done at all.
        """
        async with self._lock:
            self._due, told, self._on_written = None, self._on_written, []
            # Where nothing was said since the last write, there is nothing to compare.
            try:
                written = self.account.status is not self._stored.status and await self._flush(unless_deleted)
            except BaseException:
                self._on_written = told + self._on_written  # for the write that takes what this one did not
                raise
        for tell in told:
            tell()
        return written

    async def try_flush(self) -> None:
        """As `flush`; where Kubernetes refuses or does not answer, what is unwritten waits for another second.

        Raises:
            LostRaceError: as `flush`.
        """
        try:
            await self.flush()
        except (ApiException, *UNANSWERED) as error:
            log.info("deferred_status_not_written", detail=str(error))
            self.defer()

    def defer(self) -> None:
        """What is unwritten may wait for the next write, or a second."""
        self._due = self._due or asyncio.get_running_loop().time() + LONGEST_SECONDS

    def on_written(self, tell: Callable[[], None]) -> None:
        """Calls it once the account is written as it is now; never, where that never succeeds."""
        self._on_written.append(tell)

    @property
    def deferred_for(self) -> float | None:
        """Seconds for which what was put off may still wait; None where nothing was."""
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
                if self.account is wanted:  # else a step that runs beside has more to write already
                    # The generation of this reconcile stays: its outcomes are for the spec that it read.
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
