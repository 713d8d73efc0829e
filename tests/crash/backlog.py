"""`python -m crash.backlog`: two thousand accounts in line before five that never end, and what the waiting costs.

Prints how many status writes each waiting account cost, how many a quiet while costs, and how long one of them takes
to be suspended and another to be deleted. BACKLOG_ACCOUNTS changes how many.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from crash.lane import Lane
from crash.lives import create, delete, gone
from crash.world import open_world

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find

QUIET_SECONDS = 15.0
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Cost:
    """What it came to."""

    accounts: int
    writes_until_all_wait: int
    writes_while_waiting: int
    suspended_in: float
    deleted_in: float
    creations: int

    @property
    def is_right(self) -> bool:
        """One write each and a few for the five; none for waiting; seconds for a change of mind."""
        once = self.writes_until_all_wait <= self.accounts + 20
        return once and self.writes_while_waiting == 0 and max(self.suspended_in, self.deleted_in) < 5


async def run(lane: Lane, how_many: int) -> Cost:
    """Fills the line and looks on.

    Raises:
        TimeoutError: not all of them came to wait.
    """
    await lane.standin("limits", {"creation_seconds": 36_000})
    names = [f"backlog-{number:04}" for number in range(how_many)]
    for name in names:
        await create(lane, name)
    lane.proxy.reset()
    await lane.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sum([_waits(account) async for account in lane.accounts.all(lane.namespace)]) < how_many - 5:
            await asyncio.sleep(0.5)
    until_all_wait = _status_writes(lane)
    await asyncio.sleep(QUIET_SECONDS)
    while_waiting = _status_writes(lane) - until_all_wait
    waiting = [account.metadata.name async for account in lane.accounts.all(lane.namespace) if _waits(account)]
    started = time.monotonic()
    await lane.accounts.merge(lane.namespace, waiting[-1], {"spec": {"suspended": True}})
    await lane.until(waiting[-1], lambda account: account is not None and account.status.phase == "suspended")
    suspended_in = time.monotonic() - started
    started = time.monotonic()
    await delete(lane, waiting[-2])
    await lane.until(waiting[-2], gone)
    deleted_in = time.monotonic() - started
    creations = len((await lane.standin("creations"))["creations"])
    return Cost(how_many, until_all_wait, while_waiting, suspended_in, deleted_in, creations)


def _waits(account: AwsAccount) -> bool:
    said = find(account.status.conditions, "Ready")
    return said is not None and said.reason == "WaitingInLine"


def _status_writes(lane: Lane) -> int:
    return lane.proxy.done["PATCH awsaccounts/status"]


def main() -> int:
    """0 where waiting costs nothing."""
    how_many = int(os.environ.get("BACKLOG_ACCOUNTS", "2000"))

    async def measured() -> Cost:
        with tempfile.TemporaryDirectory(prefix="backlog-") as folder:
            async with AsyncExitStack() as stack:
                (lane,) = (await open_world(stack, Path(folder), 1)).lanes
                return await run(lane, how_many)

    cost = asyncio.run(measured())
    print(cost)
    return 0 if cost.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
