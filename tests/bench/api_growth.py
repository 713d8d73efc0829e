"""Reads, memory and start of the API server as the number of accounts grows, each size with a fresh process."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import api_reads
from bench.api_load import Load, press
from bench.api_probe import resident
from bench.api_world import open_world
from bench.figure import Figure, Goal
from bench.part import Part, Scale

_ROUND_SHARE = 5
"""A round lasts so many times shorter than a steady load: there are three, of two servers, for each figure."""

_NOISE = 0.10
"""What two runs of the same thing may differ by on a machine that does other things as well."""


@dataclass(frozen=True, slots=True)
class Size:
    """What was seen with so many accounts."""

    accounts: int
    memory: float
    ready: float
    load: Load


async def measure(scale: Scale) -> list[Figure]:
    """At each size; at the settled one all the reads."""
    seconds, figures, sizes = scale.seconds / _ROUND_SHARE, list[Figure](), list[Size]()
    with tempfile.TemporaryDirectory(prefix="bench-api-") as folder:
        async with open_world(Path(folder)) as world:
            async with world.replica() as replica:
                empty = resident(replica.pid)
            for accounts in sorted({*scale.grown, scale.settled}):
                await world.grow_to(accounts)
                begun = time.monotonic()
                async with world.replica() as replica:
                    ready = time.monotonic() - begun
                    memory = resident(replica.pid) - empty
                    load = await press(replica.url, api_reads.show_requests(world), seconds)
                    sizes.append(Size(accounts, memory, ready, load))
                    if accounts == scale.settled:
                        figures += await api_reads.short_reads(world, replica, seconds)
                        figures += await api_reads.long_reads(world, replica)
                        figures.append(_memory(sizes[-1], empty, resident(replica.pid)))
                        async with world.replica() as other:
                            figures.append(await api_reads.two_replicas(world, replica, other, seconds))
    return [*figures, *_growth(sizes)]


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
    """The largest against the one before it in proportion, and reads of the largest against the smallest."""
    first, before, last = sizes[0], sizes[-2], sizes[-1]
    factor = last.accounts / before.accounts
    each = [
        f"{size.accounts:,}: {size.memory:.0f} MiB, ready in {size.ready:.1f} s, {size.load.text}" for size in sizes
    ]
    linear = f"{factor:g} times that of {before.accounts:,}"
    return [
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
            last.load.rate,
            "1/s",
            Goal("at least", 1 - _NOISE),
            first.load.rate,
            f"with {first.accounts:,}",
        ),
    ]


PARTS = (Part("api-reads", measure),)
