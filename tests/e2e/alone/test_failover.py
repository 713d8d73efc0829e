"""Two operators, one Lease: who goes hands over, who dies is followed, who was stopped never acts again.

And whose work stands still says so to the liveness probe. `make ha` prints the times.
"""

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from crash.lane import Lane
from crash.lives import at_rest, create, is_open
from crash.world import World, open_world
from kubernetes.aio.client import CoordinationV1Api

from batteries_sandbox.cluster import NAMESPACE
from batteries_sandbox.components import BIN

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

LEASE = "batteries-operator"  # the admission policies let the operator write no other


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One cluster with one lane."""
    async with AsyncExitStack() as stack:
        yield await open_world(stack, tmp_path_factory.mktemp("failover"), 1)


class Pair:
    """Operators that take turns by one Lease."""

    def __init__(self, lane: Lane, seconds: int) -> None:
        self.lane = lane
        self._seconds = seconds
        self._leases = CoordinationV1Api(lane.api)
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, identity: str, **settings: str) -> asyncio.subprocess.Process:
        """An operator that stands by, or leads where nobody does; returns when it has begun to."""
        before = self._standing_by()
        environment = self.lane.environment | {
            "BATTERIES_LEADER_ELECTION": "true",
            "BATTERIES_LEASE_NAMESPACE": NAMESPACE,
            "BATTERIES_LEASE_NAME": LEASE,
            "BATTERIES_LEASE_IDENTITY": identity,
            "BATTERIES_LEASE_SECONDS": str(self._seconds),
            **settings,
        }
        with self.lane.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                str(BIN / "batteries-operator"), "run", env=environment, stdout=log, stderr=log
            )
        self.processes[identity] = process
        # Python takes its time to start on a busy machine, which is none of the failover's.
        await until(lambda: asyncio.sleep(0, self._standing_by() > before), 60)
        return process

    def _standing_by(self) -> int:
        return self.lane.log.read_text().count('"standing_by"') if self.lane.log.exists() else 0

    async def leader(self) -> str | None:
        """Who holds the Lease now."""
        page = await self._leases.list_namespaced_lease(NAMESPACE, field_selector=f"metadata.name={LEASE}")
        return page.items[0].spec.holder_identity if page.items and page.items[0].spec else None

    async def until_leads(self, identity: str, seconds: float) -> float:
        """How long it took."""
        return await until(lambda: self._leads(identity), seconds)

    async def _leads(self, identity: str) -> bool:
        return await self.leader() == identity

    async def end(self) -> None:
        """Ends what still runs, and forgets the Lease."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        with contextlib.suppress(Exception):
            await self._leases.delete_namespaced_lease(LEASE, NAMESPACE)


async def until(holds: Callable[[], Any], seconds: float) -> float:
    """Waits for it; the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest_asyncio.fixture(loop_scope="module")
async def pair(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """`first` leads and `second` stands by; the parameter is the Lease's seconds."""
    made = Pair(world.lanes[0], request.param)
    try:
        await made.start("first")
        await made.until_leads("first", 20)
        await made.start("second")
        yield made
    finally:
        await made.end()


async def work(lane: Lane, name: str, seconds: float = 60) -> None:
    """An account asked for now is made, exactly once."""
    await create(lane, name)
    await is_made(lane, name, seconds)


async def is_made(lane: Lane, name: str, seconds: float = 60) -> None:
    account = await lane.until(name, at_rest, seconds=seconds)
    assert account is not None
    await is_open(lane, account)


def writes(lane: Lane) -> dict[str, int]:
    """What Kubernetes took so far, the Lease included."""
    return {kind: count for kind, count in lane.proxy.done.items() if kind}


async def begun(lane: Lane, name: str) -> None:
    """Until AWS was asked for the account: it is in the middle of its making."""
    await lane.until(name, lambda each: each is not None and each.status.create_request is not None)


@pytest.mark.parametrize("pair", [15], indirect=True)
async def test_sigterm_hands_over_at_once_and_nothing_is_lost(pair: Pair) -> None:
    lane, first = pair.lane, pair.processes["first"]
    await work(lane, "before-term")
    await create(lane, "amid-term")
    await begun(lane, "amid-term")
    first.send_signal(signal.SIGTERM)
    took = await pair.until_leads("second", 5)
    assert await first.wait() == 0
    await is_made(lane, "amid-term")
    print(f"\nSIGTERM: the other operator led after {took:.1f} s")


async def test_sigterm_ends_an_operator_whatever_it_is_at(world: World) -> None:
    """Also before kopf hears of signals: while it stands by, and right when it has begun to lead."""
    pair = Pair(world.lanes[0], 15)
    try:
        leader = await pair.start("leader")
        await pair.until_leads("leader", 20)
        waiting = await pair.start("waiting")
        waiting.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(waiting.wait(), 5) == 0
        assert await pair.leader() == "leader", "who waited leaves the other's Lease alone"
        leader.send_signal(signal.SIGTERM)
        await asyncio.wait_for(leader.wait(), 5)
        early = await pair.start("early")
        await pair.until_leads("early", 5)
        early.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(early.wait(), 5) == 0
        assert await pair.leader() is None, "it handed the Lease over"
    finally:
        await pair.end()


@pytest.mark.parametrize("pair", [15], indirect=True)
async def test_after_sigkill_the_other_works_within_twenty_seconds(pair: Pair) -> None:
    lane = pair.lane
    await create(lane, "amid-kill")
    await begun(lane, "amid-kill")
    await asyncio.sleep(1)  # the second has seen the first's last renewal, as it would have at any other time
    pair.processes["first"].kill()
    began = time.monotonic()
    await create(lane, "after-kill")
    took = await pair.until_leads("second", 20)
    for name in ("amid-kill", "after-kill"):
        await is_made(lane, name, 20)
    made = time.monotonic() - began
    print(f"\nSIGKILL: the other operator led after {took:.1f} s; both accounts were made in {made:.1f} s")


@pytest.mark.parametrize("pair", [6], indirect=True)
async def test_a_leader_stopped_across_a_failover_never_acts_again(pair: Pair) -> None:
    """SIGSTOP is what a paused machine looks like: it goes on amid a thought, believing that it leads."""
    lane, first, second = pair.lane, pair.processes["first"], pair.processes["second"]
    await create(lane, "amid-stop")
    await begun(lane, "amid-stop")
    first.send_signal(signal.SIGSTOP)
    took = await pair.until_leads("second", 20)
    await is_made(lane, "amid-stop")
    # Nobody else acts while the first goes on, so that whatever is done is its doing; and there is something to do.
    second.send_signal(signal.SIGSTOP)
    await create(lane, "after-stop")
    calls, written = (await lane.standin("health"))["calls"], writes(lane)
    first.send_signal(signal.SIGCONT)
    code = await asyncio.wait_for(first.wait(), 20)
    assert (await lane.standin("health"))["calls"] == calls
    assert writes(lane) == written
    assert code == 1, "so that it is started anew, and stands by"
    second.send_signal(signal.SIGCONT)
    # The second was stopped for long enough that it must not go on either; what comes next takes over.
    await pair.start("third")
    await is_made(lane, "after-stop")
    print(f"\nSIGSTOP: the other led after {took:.1f} s; the first went on, did nothing and ended with status {code}")


async def test_a_visit_that_hangs_fails_the_liveness_probe_until_it_ends(world: World, unused_tcp_port: int) -> None:
    lane, url = world.lanes[0], f"http://127.0.0.1:{unused_tcp_port}/healthz"
    pair = Pair(lane, 15)

    async def probed() -> tuple[int, str]:
        async with lane.http.get(url) as answer:
            return answer.status, (await answer.json())["status"]

    async def stands_still() -> bool:
        return (await probed())[0] == 503

    async def is_well() -> bool:
        return await probed() == (200, "ok")

    try:
        await pair.start("only", BATTERIES_HEALTH_PORT=str(unused_tcp_port), BATTERIES_STANDSTILL_SECONDS="2")
        await pair.until_leads("only", 60)  # a busy machine starts it slowly, which is not what is tested
        await work(lane, "in-time")
        assert await probed() == (200, "ok"), "reconciles that end are well, however many"
        fault = await lane.standin("faults", {"kind": "gate_before", "operation": "MoveAccount", "times": 1})
        await create(lane, "hangs")
        held = await lane.standin(f"faults/{fault['id']}?wait=30")
        assert held["waiting"], "the operator waits for AWS"
        took = await until(stands_still, 10)
        assert re.match(rf"Reconciling {lane.namespace}/hangs has made no progress for \d+ s;", (await probed())[1])
        await lane.standin(f"faults/{fault['id']}/release", {})
        await is_made(lane, "hangs")
        await until(is_well, 10)
    finally:
        await pair.end()
    print(f"\na reconcile hung: /healthz failed after {took:.1f} s, and was well again when it ended")
