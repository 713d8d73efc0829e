"""Tells of issued tokens by Kubernetes Events on the AwsAccount: one for each API key and ten minutes, with a count.

They are collected in memory and written in batches, so that no request waits for one or fails without it. Each replica
writes its own Events, because counts of two writers would overwrite each other. A crash loses a few seconds of them;
the log has a line for each token.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.kube.object_events import ObjectEvents, Occurrences
from batteries_apiserver.runtime.background import in_background
from batteries_crds.agent_access import ROLE_NAME
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now_exactly
from batteries_crds.kube.client import UNANSWERED

log = structlog.get_logger(__name__)

REASON = "TokenIssued"
_TOGETHER = timedelta(minutes=10)
_EVERY_SECONDS = 5.0
_MOST = 10_000
"""How many pairs of account and key are remembered; Events of further ones are dropped, their log lines are not."""

_ABOUT = 200
"""The longest part of an Event's name that is the account's; names have 253 characters."""


@dataclass(slots=True)
class _Series:
    account: AwsAccount
    key_prefix: str
    name: str
    count: int
    first: datetime
    last: datetime
    written: int = 0


class IssuedEvents:
    """This replica's Events of issued tokens."""

    def __init__(self, live: ObjectEvents, *, now: Callable[[], datetime] = utc_now_exactly) -> None:
        self._live = live
        self._now = now
        self._series: dict[tuple[str, str], _Series] = {}

    def note(self, account: AwsAccount, caller: Caller) -> None:
        """Records that the key got a token for the account now."""
        now, which = self._now(), (account.key, caller.key_name)
        series = self._series.get(which)
        if series is not None and now - series.first < _TOGETHER:
            series.count += 1
            series.last = now
        elif len(self._series) < _MOST or series is not None:
            name = f"{account.metadata.name[:_ABOUT]}.{secrets.token_hex(8)}"
            self._series[which] = _Series(account, caller.key_prefix, name, 1, now, now)

    async def flush(self) -> None:
        """Writes what is not written yet. What Kubernetes refuses is dropped; what it does not respond to stays."""
        now = self._now()
        for which, series in list(self._series.items()):
            if series.count > series.written:
                await self._write(series)
            is_over = now - series.first >= _TOGETHER
            if is_over and series.count == series.written and self._series.get(which) is series:
                del self._series[which]

    async def _write(self, series: _Series) -> None:
        count = series.count
        what = Occurrences(REASON, _message(series), count, series.first, series.last)
        try:
            if not series.written or not await self._live.again(series.account.metadata.namespace, series.name, what):
                await self._live.create(series.account, series.name, what)
        except ApiException as error:
            log.warning("token_event_not_written", account=str(series.account.account_id), status=error.status)
        except UNANSWERED as error:
            log.warning("token_event_not_written", error=type(error).__name__)
            return
        series.written = count

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Writes in the background while the block runs, and once more at its end."""
        try:
            async with in_background(self._write_periodically(), "events of tokens"):
                yield
        finally:
            await self.flush()

    async def _write_periodically(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.flush()


def _message(series: _Series) -> str:
    tokens = "a token" if series.count == 1 else f"{series.count} tokens"
    return f"The API key aib_{series.key_prefix} got {tokens} for the role {ROLE_NAME}."
