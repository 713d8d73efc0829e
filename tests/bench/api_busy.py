"""Reads while accounts are being provisioned, against reads while nothing happens.

Beside the API server a bare one is asked as well: what the busy machine adds to that one's times, no API server could
take away.
"""

import asyncio
import time
from uuid import uuid4

from aiohttp.test_utils import unused_port
from bench.api_bare import bare
from bench.api_pace import A_SECOND, paced
from bench.api_reads import show_requests
from bench.api_world import World
from bench.figure import Figure, Goal
from crash.lane import Lane
from crash.lives import at_rest

_WARM_SECONDS = 2
_CREATION_SECONDS = 0.5
"""Long enough for creations to be under way together."""

_PATIENCE = 300


async def reads_while_provisioning(world: World, *, accounts: int, seconds: float) -> Figure:
    """The 99th percentile of both times."""
    async with (
        world.replica() as replica,
        bare(unused_port(), b"{}", world.folder) as bare_url,
        paced(show_requests(world), replica.url, bare_url) as pacer,
    ):
        await asyncio.sleep(_WARM_SECONDS)
        await pacer.lap()
        await asyncio.sleep(seconds)
        calm, bare_calm = await pacer.lap()
        begun = time.monotonic()
        await provision(world.lane, accounts)
        took = time.monotonic() - begun
        busy, bare_busy = await pacer.lap()
    return Figure(
        "api_p99_provisioning",
        f"p99 of GET /accounts/{{id}} while {accounts} accounts are provisioned",
        busy,
        "ms",
        Goal("at most", 2),
        calm,
        "p99 idle",
        f"{A_SECOND} reads a second; provisioning took {took:.0f} s; bare aiohttp beside it went from "
        f"{bare_calm:.1f} to {bare_busy:.1f} ms",
    )


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
