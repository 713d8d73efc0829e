"""The API server at each number of accounts, with a fresh process each: memory, start and reads; all else at one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench import api_busy, api_reads, api_writes
from bench.api_probe import resident
from bench.api_reads import FIRST_BYTE, WHOLE, BesideBare
from bench.api_world import Replica, World, open_world
from bench.cost import NOISE, Cost
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.part import Part, Scale


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
                sizes.append(await _size(world, replica, ready, empty, scale))
                if settled:
                    figures += await _settled(world, replica, sizes[-1], empty, scale)
        figures += await api_writes.creation(world, scale)
    return [*figures, *_growth(sizes)]


async def _size(world: World, replica: Replica, ready: float, empty: float, scale: Scale) -> Size:
    """A fresh process with what is there now."""
    memory = resident(replica.pid) - empty
    accounts = await world.etcd.count("awsaccounts")
    reads = await api_reads.beside_bare(world, replica, api_reads.show_requests(world), scale)
    own = await api_reads.beside_bare(world, replica, api_reads.list_requests(world), scale)
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
    """What may grow as the accounts do, and what may not grow at all."""
    costs = (
        Cost("api_memory", "API server's memory", "MiB", 1, [each.memory for each in sizes]),
        Cost("api_start", "API server's start", "s", 0.1, [each.ready for each in sizes]),
        Cost("api_admin_whole", "GET /admin/accounts, whole body", "ms", 1, [_of(each, WHOLE) for each in sizes]),
    )
    accounts = [each.accounts for each in sizes]
    return [
        *(figure for cost in costs for figure in cost.figures(accounts)),
        *(figure for size in sizes for figure in _points(size)),
        _first_byte(sizes[-1]),
        _flat("api_growth_reads", "GET /accounts/{id}", sizes, lambda size: size.reads),
        _flat("api_growth_own", "GET /accounts of a customer with 10", sizes, lambda size: size.own),
    ]


def _of(size: Size, key: str) -> float:
    """One of the administrators' lists."""
    return next(each.value for each in size.long if each.key == key)


def _points(size: Size) -> list[Figure]:
    """What is drawn of one size, beside what is judged by its growth."""
    count = f"{size.accounts:,}"
    return [
        Figure(f"api_read@{size.accounts}", f"GET /accounts/{{id}}, {count}", 1e6 / size.reads.ours.rate, "µs"),
        Figure(f"api_own@{size.accounts}", f"GET /accounts, {count}", 1e6 / size.own.ours.rate, "µs"),
        *(_point(each, size) for each in size.long if each.key != WHOLE),
    ]


def _point(figure: Figure, size: Size) -> Figure:
    """A figure of one size as a point of its curve."""
    what = f"{figure.what}, {size.accounts:,}"
    return replace(figure, key=f"{figure.key}@{size.accounts}", what=what, goal=None, limit=None, note="")


def _first_byte(size: Size) -> Figure:
    """As fast with the most accounts.

    The events of the last minute are not asked the same: those that were just made have most of them.
    """
    figure = next(each for each in size.long if each.key == FIRST_BYTE)
    return replace(figure, key="api_growth_first_byte", what=f"{figure.what}, {size.accounts:,} accounts")


def _flat(key: str, what: str, sizes: Sequence[Size], reads: Callable[[Size], BesideBare]) -> Figure:
    """As a part of bare aiohttp's rate beside it, with the most accounts against the fewest."""
    first, last = sizes[0], sizes[-1]
    return Figure(
        key,
        f"{what} with {last.accounts:,} accounts",
        reads(last).share,
        "of bare aiohttp",
        Goal("at least", 2 - NOISE),
        reads(first).share,
        f"with {first.accounts:,}",
        "; ".join(f"{each.accounts:,}: {reads(each).ours.text}" for each in sizes),
    )


PARTS = (Part("api", measure),)
