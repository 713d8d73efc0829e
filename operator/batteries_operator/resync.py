"""When each account at rest is compared with AWS: spread over the interval, so that ten thousand never come at once."""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable

import structlog

from batteries_crds.aws_account import AwsAccount, AwsAccountSpec
from batteries_crds.resource import ObjectMeta

log: structlog.stdlib.BoundLogger = structlog.get_logger()

AT_ONE_TIME = 4
"""Comparisons side by side: enough for ten thousand an hour at seconds each, few enough to leave AWS to the visits."""

JITTER = 0.1


class Resync:
    """Remembers every account and calls `compare` for each about once in `interval` seconds."""

    def __init__(self, interval: float, compare: Callable[[AwsAccount], Awaitable[object]]) -> None:
        self._interval = interval
        self._compare = compare
        self._accounts: dict[str, tuple[str, str]] = {}
        self._due: list[tuple[float, str]] = []
        self._more = asyncio.Event()

    def know(self, account: AwsAccount) -> None:
        """An account that is there; its first turn is at any time within the interval but its first tenth.

        So an operator that has just started, or was handed a leader's work, sees to what is owed before it compares.
        """
        uid = account.metadata.uid
        if uid not in self._accounts:
            self._schedule(uid, self._interval * random.uniform(JITTER, 1))  # noqa: S311  # not a secret
        self._accounts[uid] = account.metadata.namespace, account.metadata.name

    def forget(self, uid: str) -> None:
        """An account that is gone; its turn, when it comes, is passed over."""
        self._accounts.pop(uid, None)

    async def run(self) -> None:
        """Runs until cancelled; does nothing where the interval is 0."""
        if not self._interval:
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONE_TIME):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            uid = await self._next()
            if uid not in self._accounts:
                continue
            account = _named(uid, *self._accounts[uid])
            try:
                await self._compare(account)
            except Exception as error:  # one account's trouble must not end the resync of the others
                log.warning("resync failed; again in its next turn", resource=account.key, error=str(error))
            self._schedule(uid, self._interval * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  # not a secret

    async def _next(self) -> str:
        """The next account, when its time has come."""
        while True:
            now = asyncio.get_running_loop().time()
            if self._due and self._due[0][0] <= now:
                return heapq.heappop(self._due)[1]
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), self._due[0][0] - now if self._due else None)
            except TimeoutError:
                continue

    def _schedule(self, uid: str, seconds: float) -> None:
        heapq.heappush(self._due, (asyncio.get_running_loop().time() + seconds, uid))
        self._more.set()


def _named(uid: str, namespace: str, name: str) -> AwsAccount:
    """What a comparison needs to know of an account: it reads spec and status anew."""
    meta = ObjectMeta(uid=uid, namespace=namespace, name=name)
    return AwsAccount(metadata=meta, spec=AwsAccountSpec())
