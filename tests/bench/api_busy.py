"""Reads while accounts are being provisioned, against reads while nothing happens.

Beside the API server a bare one is asked as well: what the busy machine adds to that one's times, no API server could
take away.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
from aiohttp.test_utils import unused_port
from bench.api_bare import bare
from bench.api_pace import A_SECOND, Pacer, paced
from bench.api_reads import show_requests
from bench.api_world import Replica, World
from bench.figure import Figure, Goal
from bench.part import Scale
from bench.stage import AS_IT_COMES, INSTANT, Stage

_WARM_SECONDS = 2


@dataclass(frozen=True, slots=True)
class _Lap:
    """The slowest hundredth of the reads of ours and of the bare server, in milliseconds, in so many seconds."""

    ours: float
    bare: float
    seconds: float


async def reads_while_provisioning(world: World, replica: Replica, scale: Scale) -> list[Figure]:
    """The 99th percentile of both times: at the pace at which AWS makes accounts, and as fast as the machine can."""
    as_it_comes = {**AS_IT_COMES, "creation_seconds": AS_IT_COMES["creation_seconds"] / scale.hurry}
    async with (
        aiohttp.ClientSession() as http,
        bare(unused_port(), b"{}", world.folder) as bare_url,
        paced(show_requests(world), replica.url, bare_url) as pacer,
    ):
        stage = Stage(world.cluster, world.folder, http)
        await stage.start()
        try:
            await stage.until_known(0)
            await asyncio.sleep(_WARM_SECONDS)
            await pacer.lap()
            seconds = 3 * scale.seconds  # the slowest hundredth of a few hundred reads would be a handful
            await asyncio.sleep(seconds)
            ours, beside = await pacer.lap()
            idle = _Lap(ours, beside, seconds)
            busy = await _while_provisioning(stage, pacer, as_it_comes, scale.made // 2)
            # Another, that has not learnt how long AWS takes and paces itself by it.
            await stage.stop()
            await stage.start()
            await stage.until_known(scale.made // 2)
            await asyncio.sleep(_WARM_SECONDS)
            full = await _while_provisioning(stage, pacer, INSTANT, scale.made // 4)
        finally:
            await stage.stop()
    return [
        _figure(
            "api_p99_provisioning",
            f"p99 of GET /accounts/{{id}} while {scale.made // 2} accounts are provisioned",
            busy,
            idle,
            Goal("at most", 2),
            f"{A_SECOND} reads a second; five creations in flight, {as_it_comes['creation_seconds']:g} s each; ",
        ),
        _figure(
            "api_p99_full_machine",
            f"p99 while {scale.made // 4} are provisioned by an AWS without delays, which takes the whole machine",
            full,
            idle,
            None,
            "",
        ),
    ]


def _figure(key: str, what: str, busy: _Lap, idle: _Lap, goal: Goal | None, note: str) -> Figure:
    note += f"{busy.seconds:.0f} s; bare aiohttp beside it went from {idle.bare:.1f} to {busy.bare:.1f} ms"
    return Figure(key, what, busy.ours, "ms", goal, idle.ours, "p99 idle", note)


async def _while_provisioning(stage: Stage, pacer: Pacer, limits: Mapping[str, float], count: int) -> _Lap:
    await stage.aws(limits)
    await pacer.lap()
    begun, names = time.monotonic(), {str(uuid4()) for _ in range(count)}
    for number, name in enumerate(names):
        await stage.create(name, [f"octo-org/repo-{number}"], f"owner-{number % 20}@example.com")
    await stage.until_active(names)
    ours, beside = await pacer.lap()
    return _Lap(ours, beside, time.monotonic() - begun)
