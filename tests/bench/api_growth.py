"""The API server at each number of accounts, with a fresh process each: memory, start and reads; all else at one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import api_busy, api_reads, api_writes
from bench.api_probe import resident
from bench.api_reads import BesideBare
from bench.api_world import Replica, World, open_world
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.part import Part, Scale

_NOISE = 0.10
"""What two runs of the same thing may differ by on a machine that does other things as well."""


@dataclass(frozen=True, slots=True)
class Size:
    """What was seen with so many accounts."""

    accounts: int
    memory: float
    ready: float
    reads: BesideBare


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """One world that grows; at the settled size everything is measured."""
    figures, sizes = list[Figure](), list[Size]()
    async with open_world(ground) as world:
        async with world.replica() as replica:
            empty = resident(replica.pid)
        for accounts in sorted({*scale.grown, scale.settled}):
            await world.grow_to(accounts)
            begun = time.monotonic()
            async with world.replica() as replica:
                sizes.append(await _size(world, replica, time.monotonic() - begun, empty, scale))
                if accounts == scale.settled:
                    figures += await _settled(world, replica, sizes[-1], empty, scale)
            if accounts == scale.settled:
                figures.append(await api_writes.creation(world, scale))
    return [*figures, *_growth(sizes)]


async def _size(world: World, replica: Replica, ready: float, empty: float, scale: Scale) -> Size:
    """A fresh process with what is there now."""
    memory = resident(replica.pid) - empty
    accounts = await world.etcd.count("awsaccounts")
    reads = await api_reads.beside_bare(world, replica, api_reads.show_requests(world), scale)
    return Size(accounts, memory, ready, reads)


async def _settled(world: World, replica: Replica, size: Size, empty: float, scale: Scale) -> list[Figure]:
    """All reads, with one replica and with two, and while accounts are made."""
    own = await api_reads.beside_bare(world, replica, api_reads.list_requests(world), scale)
    figures = [
        size.reads.figure("api_get_account", f"GET /accounts/{{id}}, {len(world.customers) * 10:,} accounts", 0.70),
        own.figure("api_list_own", "GET /accounts of a customer with 10", 0.60),
        *await api_reads.long_reads(world, replica),
        _memory(size, empty, resident(replica.pid)),
    ]
    async with world.replica() as other:
        figures.append(await api_reads.two_replicas(world, replica, other, scale))
    return [*figures, *await api_busy.reads_while_provisioning(world, replica, scale)]


def _memory(size: Size, empty: float, after: float) -> Figure:
    return Figure(
        "api_memory",
        f"memory at {size.accounts:,} accounts, beyond the empty process",
        size.memory,
        "MiB",
        Goal("at most", 100, "value"),
        note=f"empty {empty:.0f} MiB; after the reads {after - empty:.0f} MiB more than it",
    )


def _growth(sizes: Sequence[Size]) -> list[Figure]:
    """The points of each curve; the largest against the one before it, and its reads against the smallest's."""
    curves = [
        figure
        for size in sizes
        for figure in (
            Figure(f"api_memory@{size.accounts}", f"API server's memory, {size.accounts:,}", size.memory, "MiB"),
            Figure(f"api_start@{size.accounts}", f"API server's start, {size.accounts:,}", size.ready, "s"),
            Figure(
                f"api_read@{size.accounts}",
                f"GET /accounts/{{id}}, {size.accounts:,}",
                1e6 / size.reads.ours.rate,
                "µs",
            ),
        )
    ]
    first, before, last = sizes[0], sizes[-2], sizes[-1]
    factor = last.accounts / before.accounts
    each = [
        f"{size.accounts:,}: {size.memory:.0f} MiB, ready in {size.ready:.1f} s, {size.reads.ours.text}"
        for size in sizes
    ]
    linear = f"{factor:g} times that of {before.accounts:,}"
    return [
        *curves,
        Figure(
            "api_growth_memory",
            f"memory at {last.accounts:,} accounts",
            last.memory,
            "MiB",
            Goal("at most", 1 + _NOISE),
            factor * before.memory,
            linear,
            "; ".join(each),
        ),
        Figure(
            "api_growth_start",
            f"time until ready with {last.accounts:,} accounts",
            last.ready,
            "s",
            Goal("at most", 1 + _NOISE),
            factor * before.ready,
            linear,
        ),
        Figure(
            "api_growth_reads",
            f"GET /accounts/{{id}} with {last.accounts:,} accounts",
            last.reads.share,
            "of bare aiohttp",
            Goal("at least", 1 - _NOISE),
            first.reads.share,
            f"with {first.accounts:,}",
        ),
    ]


PARTS = (Part("api", measure),)
