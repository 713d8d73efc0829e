"""What one API server answers in a second, beside aiohttp alone, and how soon it answers with what is long."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import quote

from aiohttp.test_utils import unused_port
from bench.api_bare import bare
from bench.api_load import Load, Request, first_of, in_turn, middle, press, write_requests
from bench.api_probe import Timed, cpu_seconds, timed_get
from bench.api_seed import accounts_of
from bench.api_world import Replica, World
from bench.figure import Figure, Goal
from bench.part import Scale

from batteries_crds.base import to_rfc3339

FIRST_BYTE, WHOLE = "api_admin_first_byte", "api_admin_whole"
_LONG_READS = 5


def show_requests(world: World) -> Path:
    """GET /v1/accounts/{id} of each account, by its owner."""
    requests = (Request(f"/v1/accounts/{account}", key) for account, key in accounts_of(world.customers))
    return write_requests(world.folder / "show.txt", requests)


def list_requests(world: World) -> Path:
    """GET /v1/accounts by each customer."""
    return write_requests(world.folder / "list.txt", (Request("/v1/accounts", each.key) for each in world.customers))


@dataclass(frozen=True, slots=True)
class BesideBare:
    """What came of the same requests to bare aiohttp and to ours; `cpu` is what one of ours took, in seconds."""

    bare: Load
    ours: Load
    cpu: float

    @property
    def share(self) -> float:
        """Our rate as a part of bare aiohttp's: what the machine does beside is in both."""
        return self.ours.rate / self.bare.rate

    def figure(self, key: str, what: str, bound: float) -> Figure:
        """Of at least so large a share."""
        note = f"p50 {self.ours.p50:.1f} ms, p99 {self.ours.p99:.1f} ms; {self.cpu * 1e6:.0f} µs of CPU each"
        goal, limit = Goal("at least", bound), self.bare.rate
        return Figure(key, what, self.ours.rate, "1/s", goal, limit, "bare aiohttp, same bytes", note)


async def beside_bare(world: World, replica: Replica, requests: Path, scale: Scale) -> BesideBare:
    """The requests to both servers by turns."""
    path, owner = await asyncio.to_thread(first_of, requests)
    body = (await asyncio.to_thread(timed_get, replica.url + path, owner)).body
    async with bare(unused_port(), body, world.folder) as bare_url:
        await press(replica.url, requests, 1)
        before = cpu_seconds(replica.pid)
        limits, ours = await in_turn(scale.press_seconds, scale.rounds, (bare_url, requests), (replica.url, requests))
        spent = cpu_seconds(replica.pid) - before
    answered = sum(load.rate * scale.press_seconds for load in ours)
    return BesideBare(middle(limits), middle(ours), spent / answered)


async def long_reads(world: World, replica: Replica) -> list[Figure]:
    """All accounts at once, and the events of the last minute."""
    url, key = f"{replica.url}/v1/admin/accounts", world.admin_key
    answers = [await asyncio.to_thread(timed_get, url, key) for _ in range(_LONG_READS)]
    shown = json.loads(answers[-1].body)
    assert len(shown["accounts"]) >= len(world.customers) * 10
    dumping = median([await asyncio.to_thread(_milliseconds, lambda: json.dumps(shown)) for _ in range(_LONG_READS)])
    size = f"{len(shown['accounts']):,} accounts, {len(answers[-1].body) / 2**20:.1f} MiB"
    return [
        Figure(
            FIRST_BYTE,
            "GET /admin/accounts, first byte",
            median(answer.first for answer in answers),
            "ms",
            Goal("at most", 50, "value"),
            note=size,
        ),
        Figure(
            WHOLE,
            "GET /admin/accounts, whole body",
            median(answer.whole for answer in answers),
            "ms",
            Goal("at most", 2),
            dumping,
            "json.dumps of the same list",
            size,
        ),
        await _latest_events(world, replica),
    ]


async def _latest_events(world: World, replica: Replica) -> Figure:
    url, key = f"{replica.url}/v1/admin/events", world.admin_key
    every: Timed = await asyncio.to_thread(timed_get, url, key)
    newest = datetime.fromisoformat(json.loads(every.body)["events"][-1]["timestamp"])
    since = quote(to_rfc3339(newest - timedelta(minutes=1)))
    answers = [await asyncio.to_thread(timed_get, f"{url}?since={since}", key) for _ in range(4 * _LONG_READS)]
    floor = [await asyncio.to_thread(timed_get, f"{replica.url}/healthz", key) for _ in answers]
    late, all_events = (len(json.loads(answer.body)["events"]) for answer in (answers[-1], every))
    return Figure(
        "api_latest_events",
        "GET /admin/events?since= the last minute",
        median(answer.whole for answer in answers),
        "ms",
        Goal("at most", 5, "value"),
        note=f"{late} of {all_events:,} events, of which all take {every.whole:.0f} ms; "
        f"GET /healthz takes {median(answer.whole for answer in floor):.1f} ms",
    )


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


async def two_replicas(world: World, first: Replica, second: Replica, scale: Scale) -> Figure:
    """The same load on two processes as on one; wrk and kube-apiserver have their share of the cores too."""
    requests = show_requests(world)
    alone: list[Load] = []
    both: list[float] = []
    for _ in range(scale.rounds):
        alone.append(await press(first.url, requests, scale.press_seconds))
        halves = await asyncio.gather(*(press(each.url, requests, scale.press_seconds, 16) for each in (first, second)))
        both.append(sum(load.rate for load in halves))
    return Figure(
        "api_two_replicas",
        "GET /accounts/{id}, two replicas",
        median(both),
        "1/s",
        None,
        middle(alone).rate,
        "one replica",
    )
