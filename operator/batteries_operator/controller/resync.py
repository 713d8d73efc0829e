"""When each account at rest is compared with AWS: spread over the interval, so that ten thousand never come at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from batteries_crds.identity import ObjectRef
from batteries_operator.runtime.delaying_queue import DelayingQueue

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AT_ONE_TIME = 4
"""Comparisons at one time: enough for ten thousand an hour at seconds each, and few enough for AWS's rates."""

JITTER = 0.1


class Resync:
    """Remembers every account and calls `compare` for each about once in `interval` seconds.

    Where `compare` gives None, AWS was too busy: that account comes again in a tenth of the interval.
    """

    def __init__(self, interval: float, compare: Callable[[ObjectRef], Awaitable[bool | None]]) -> None:
        self._interval = interval
        self._compare = compare
        self._known: dict[str, ObjectRef] = {}
        self._due: DelayingQueue[str] = DelayingQueue()

    def add(self, account: ObjectRef) -> None:
        """An account that is there; its first turn is at any time within the interval but its first tenth.

        So an operator that has just started, or was handed a leader's work, sees to what is pending before it compares.
        """
        if account.uid not in self._known:
            self._due.put(account.uid, self._interval * random.uniform(JITTER, 1))  # noqa: S311  # not a secret
        self._known[account.uid] = account

    def forget(self, uid: str) -> None:
        """An account that is gone; its turn, when it comes, is passed over."""
        self._known.pop(uid, None)

    async def run(self) -> None:
        """Runs until cancelled; does nothing where the interval is 0."""
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
            except Exception as error:  # one account's trouble must not end the resync of the others
                log.warning("resync_failed", resource=account.key, error=str(error))
            self._due.put(uid, part * self._interval * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  # not a secret
