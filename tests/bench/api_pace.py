"""Reads at a steady pace, as customers who poll send them: how long the slowest hundredth takes, calm and busy.

Each request has its moment, and its time counts from there, also where the one before it is late: a server that
stops for a second is seen by all who came in that second. Beside the API server a bare one is asked as well: what the
busy machine adds to that, no API server could take away.
"""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
from aiohttp.test_utils import unused_port
from bench.api_bare import bare
from bench.api_seed import accounts_of
from bench.api_world import World
from bench.figure import Figure, Goal
from crash.lane import Lane
from crash.lives import at_rest

_A_SECOND = 50
"""Of each server: far from what it could answer, so that times and not throughput are seen."""

_CREATION_SECONDS = 0.5
"""Long enough for creations to be under way together."""

_PATIENCE = 300


@dataclass
class Pace:
    """A steady sequence of reads, and how many milliseconds each took."""

    session: aiohttp.ClientSession
    url: str
    reads: list[tuple[str, str]]
    taken: list[float]

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        begun, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                moment = begun + number / _A_SECOND
                await asyncio.sleep(max(0.0, moment - time.perf_counter()))
                group.create_task(self._read(number, moment))
                number += 1

    async def _read(self, number: int, moment: float) -> None:
        account, key = self.reads[number * 7919 % len(self.reads)]  # a prime, so that they come in no order
        headers = {"Authorization": f"Bearer {key}"}
        async with self.session.get(f"{self.url}/v1/accounts/{account}", headers=headers) as answer:
            answer.raise_for_status()
            await answer.read()
        self.taken.append((time.perf_counter() - moment) * 1000)

    def slowest(self) -> float:
        """The 99th percentile of what was taken since this was last asked."""
        taken, self.taken = sorted(self.taken), []
        return taken[int(len(taken) * 0.99)]


async def calm_and_busy(world: World, *, accounts: int, seconds: float) -> list[Figure]:
    """The 99th percentile while nothing happens, and while so many accounts are provisioned."""
    reads = accounts_of(world.customers)
    async with (
        world.replica() as replica,
        bare(unused_port(), b"{}", world.folder) as bare_url,
        aiohttp.ClientSession() as session,
    ):
        paces = [Pace(session, url, reads, []) for url in (replica.url, bare_url)]
        await _while(paces, asyncio.sleep(1))  # connections are made, code is warm
        for pace in paces:
            pace.slowest()
        await _while(paces, asyncio.sleep(seconds))
        calm, bare_calm = (pace.slowest() for pace in paces)
        begun = time.monotonic()
        await _while(paces, provision(world.lane, accounts))
        took = time.monotonic() - begun
        busy, bare_busy = (pace.slowest() for pace in paces)
    return [
        Figure(
            "api_p99_provisioning",
            f"p99 of GET /accounts/{{id}} while {accounts} accounts are provisioned",
            busy,
            "ms",
            Goal("at most", 2),
            calm,
            "p99 idle",
            f"{_A_SECOND} reads a second; provisioning took {took:.0f} s; bare aiohttp beside it went from "
            f"{bare_calm:.1f} to {bare_busy:.1f} ms",
        )
    ]


async def _while(paces: list[Pace], work: Awaitable[None]) -> None:
    """Reads while `work` is done."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for pace in paces:
            group.create_task(pace.run(stop))
        await work
        stop.set()


async def provision(lane: Lane, count: int) -> None:
    """An operator makes so many accounts in the AWS stand-in.

    Raises:
        TimeoutError: they are not all active after five minutes.
    """
    await lane.standin("limits", {"creation_seconds": _CREATION_SECONDS})
    names = {str(uuid4()) for _ in range(count)}
    await lane.start()
    try:
        for number, name in enumerate(names):
            spec = {"email": f"owner-{number % 20}@example.com", "githubRepos": [f"octo-org/repo-{number}"]}
            await lane.accounts.create(lane.namespace, {"metadata": {"name": name}, "spec": spec})
        async with asyncio.timeout(_PATIENCE):
            while not await _all_at_rest(lane, names):
                await asyncio.sleep(1)
    finally:
        await lane.kill()


async def _all_at_rest(lane: Lane, names: set[str]) -> bool:
    return all([at_rest(each) async for each in lane.accounts.all(lane.namespace) if each.metadata.name in names])
