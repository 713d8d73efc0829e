"""Schedules the comparison of accounts at rest with AWS, spread over the interval so that never all come at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from batteries_crds.identity import ObjectRef
from batteries_operator.runtime.delaying_queue import DelayingQueue

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AT_ONE_TIME = 4
"""Comparisons at one time: enough for ten thousand an hour at seconds each, and few enough for AWS's rate limits."""

JITTER = 0.1


class Resync:
    """Knows every account and calls `compare` for each about once in `interval` seconds.

    If `compare` returns None, AWS was too busy: that account comes again after a tenth of the interval.
    """

    def __init__(self, interval: float, compare: Callable[[ObjectRef], Awaitable[bool | None]]) -> None:
        self._interval = interval
        self._compare = compare
        self._known: dict[str, ObjectRef] = {}
        self._due: DelayingQueue[str] = DelayingQueue()

    def add(self, account: ObjectRef) -> None:
        """Adds an account. Its first comparison is at a random time in the interval, after its first tenth.

        So an operator that has just started, or just became the leader, deals with pending steps first.
        """
        if account.uid not in self._known:
            self._due.put(account.uid, self._interval * random.uniform(JITTER, 1))  # noqa: S311  # not a secret
        self._known[account.uid] = account

    def forget(self, uid: str) -> None:
        """Drops an account that is gone; its entry in the queue is skipped when it is due."""
        self._known.pop(uid, None)

    async def run(self) -> None:
        """Runs until cancelled; returns at once if the interval is 0."""
        if not self._interval:
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONE_TIME):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            uid = await self._due.get()
            account, part = self._known.get(uid), 1.0
            if account is None:
                continue
            try:
                if await self._compare(account) is None:
                    part = JITTER
            except Exception as error:  # one account's error must not end the resync of the others
                log.warning("resync_failed", resource=account.key, error=str(error))
            self._due.put(uid, part * self._interval * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  # not a secret
