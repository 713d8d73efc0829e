"""The API server at each number of accounts, with a fresh process each: memory, start and reads; all else at one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
    own: BesideBare
    long: Sequence[Figure]
    """The administrators' lists."""


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """One world that grows; at the settled size everything is measured.

    Creations come in the end, for what they make is unlike the rest.
    """
    figures, sizes = list[Figure](), list[Size]()
    async with open_world(ground) as world:
        async with world.replica() as replica:
            empty = resident(replica.pid)
        for accounts in sorted({*scale.grown, scale.settled}):
            await world.grow_to(accounts)
            begun = time.monotonic()
            async with world.replica() as replica:
                ready, settled = time.monotonic() - begun, accounts == scale.settled
                sizes.append(await _size(world, replica, ready, empty, scale, settled=settled))
                if settled:
                    figures += await _settled(world, replica, sizes[-1], empty, scale)
        figures += await api_writes.creation(world, scale)
    return [*figures, *_growth(sizes)]


async def _size(world: World, replica: Replica, ready: float, empty: float, scale: Scale, *, settled: bool) -> Size:
    """A fresh process with what is there now."""
    memory = resident(replica.pid) - empty
    accounts = await world.etcd.count("awsaccounts")
    reads = await api_reads.beside_bare(world, replica, api_reads.show_requests(world), scale)
    # What is asked is asked of the settled size; for a curve one round will do.
    rounds = scale if settled else replace(scale, rounds=1)
    own = await api_reads.beside_bare(world, replica, api_reads.list_requests(world), rounds)
    return Size(accounts, memory, ready, reads, own, await api_reads.long_reads(world, replica))


async def _settled(world: World, replica: Replica, size: Size, empty: float, scale: Scale) -> list[Figure]:
    """All reads, with one replica and with two, and while accounts are made."""
    figures = [
        size.reads.figure("api_get_account", f"GET /accounts/{{id}}, {len(world.customers) * 10:,} accounts", 0.70),
        size.own.figure("api_list_own", "GET /accounts of a customer with 10", 0.60),
        *size.long,
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
    before, last = sizes[-2], sizes[-1]
    factor = last.accounts / before.accounts
    each = "; ".join(
        f"{size.accounts:,}: {size.memory:.0f} MiB, ready in {size.ready:.1f} s, {size.reads.ours.text}"
        for size in sizes
    )
    return [
        *(figure for size in sizes for figure in _points(size)),
        _linear("api_growth_memory", "memory", "MiB", (before.memory, last.memory), (before, last), each),
        _linear("api_growth_start", "time until ready", "s", (before.ready, last.ready), (before, last)),
        *_lists(before, last, factor),
        _flat("api_growth_reads", "GET /accounts/{id}", sizes, lambda size: size.reads),
        _flat("api_growth_own", "GET /accounts of a customer with 10", sizes, lambda size: size.own),
    ]


def _points(size: Size) -> list[Figure]:
    """What is drawn of one size."""
    count = f"{size.accounts:,}"
    return [
        Figure(f"api_memory@{size.accounts}", f"API server's memory, {count}", size.memory, "MiB"),
        Figure(f"api_start@{size.accounts}", f"API server's start, {count}", size.ready, "s"),
        Figure(f"api_read@{size.accounts}", f"GET /accounts/{{id}}, {count}", 1e6 / size.reads.ours.rate, "µs"),
        Figure(f"api_own@{size.accounts}", f"GET /accounts, {count}", 1e6 / size.own.ours.rate, "µs"),
        *(_point(each, size) for each in size.long),
    ]


def _point(figure: Figure, size: Size) -> Figure:
    """A figure of one size as a point of its curve."""
    what = f"{figure.what}, {size.accounts:,}"
    return replace(figure, key=f"{figure.key}@{size.accounts}", what=what, goal=None, limit=None, note="")


def _lists(before: Size, last: Size, factor: float) -> list[Figure]:
    """The administrators' lists: as fast with the most accounts, but the whole, which is as long as they are many."""
    found = []
    for small, large in zip(before.long, last.long, strict=True):
        if large.key == "api_latest_events":
            continue  # the accounts that were just made have most of them, whatever the others are
        what = f"{large.what}, {last.accounts:,} accounts"
        large = replace(large, key=large.key.replace("api_", "api_growth_", 1), what=what)
        if large.limit is not None:
            linear = f"{factor:.2f} times that of {before.accounts:,}"
            large = replace(large, goal=Goal("at most", 1 + _NOISE), limit=factor * small.value, against=linear)
        found.append(large)
    return found


def _linear(
    key: str, what: str, unit: str, values: tuple[float, float], sizes: tuple[Size, Size], note: str = ""
) -> Figure:
    """The larger size's value, which may be as much more as there are more accounts."""
    (small, large), (before, last) = values, sizes
    factor = last.accounts / before.accounts
    against = f"{factor:.2f} times that of {before.accounts:,}"
    what = f"{what} {'at' if unit == 'MiB' else 'with'} {last.accounts:,} accounts"
    return Figure(key, what, large, unit, Goal("at most", 1 + _NOISE), factor * small, against, note)


def _flat(key: str, what: str, sizes: Sequence[Size], reads: Callable[[Size], BesideBare]) -> Figure:
    """As a part of bare aiohttp's rate beside it, with the most accounts against the fewest."""
    first, last = sizes[0], sizes[-1]
    share, goal = reads(last).share, Goal("at least", 1 - _NOISE)
    against = f"with {first.accounts:,}"
    return Figure(
        key, f"{what} with {last.accounts:,} accounts", share, "of bare aiohttp", goal, reads(first).share, against
    )


PARTS = (Part("api", measure),)
