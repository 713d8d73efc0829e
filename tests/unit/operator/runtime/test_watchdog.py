"""Liveness fails only if a reconcile never ends."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from fakes.factory import NAMESPACE, Factory

from batteries_operator.runtime.health import Health, serving
from batteries_operator.runtime.watchdog import Watchdog, acquired
from batteries_operator.steps.outcome import Done, Outcome, Wait
from batteries_operator.steps.pipeline import PROVISIONING
from batteries_operator.steps.step import Scope, Step


def test_the_oldest_visit_decides() -> None:
    now = [0.0]
    watchdog = Watchdog(lambda: now[0])
    assert watchdog.standstill(10) is None
    with watchdog.reconciling("ns/old"):
        now[0] = 8
        with watchdog.reconciling("ns/young"):
            now[0] = 10
            assert watchdog.standstill(10) is None
            now[0] = 11
            told = watchdog.standstill(10)
            assert told is not None
            assert "ns/old has made no progress for 11 s" in told
    now[0] = 100
    assert watchdog.standstill(10) is None, "none is under way"


def test_a_visit_that_raises_has_ended() -> None:
    now = [0.0]
    watchdog = Watchdog(lambda: now[0])
    with pytest.raises(KeyError), watchdog.reconciling("ns/a"):
        raise KeyError
    now[0] = 100
    assert watchdog.standstill(10) is None


async def test_time_in_line_is_no_standstill_and_the_head_of_the_line_that_hangs_is_one() -> None:
    now, line, hang = [0.0], asyncio.Lock(), asyncio.Event()
    watchdog = Watchdog(lambda: now[0])

    async def result(name: str) -> None:
        with watchdog.reconciling(name):
            async with acquired(line):
                await hang.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(result("ns/head"))
        waiting = [tasks.create_task(result(f"ns/{each}")) for each in range(3)]
        await asyncio.sleep(0)
        now[0] = 8
        assert watchdog.standstill(10) is None
        now[0] = 11
        assert "ns/head has made no progress for 11 s" in (watchdog.standstill(10) or "")
        waiting.pop().cancel()
        hang.set()
    assert not line.locked()


async def test_the_next_in_line_begins_when_its_turn_comes() -> None:
    now, line, hang = [0.0], asyncio.Lock(), asyncio.Event()
    watchdog = Watchdog(lambda: now[0])
    await line.acquire()

    async def result() -> None:
        with watchdog.reconciling("ns/next"):
            async with acquired(line):
                await hang.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(result())
        await asyncio.sleep(0)
        now[0] = 100
        assert watchdog.standstill(10) is None
        line.release()
        for _ in range(3):
            await asyncio.sleep(0)
        now[0] = 105
        assert watchdog.standstill(10) is None
        now[0] = 111
        assert "ns/next has made no progress for 11 s" in (watchdog.standstill(10) or "")
        hang.set()


async def test_a_step_that_hangs_is_not_hidden_by_one_that_goes_on(factory: Factory) -> None:
    now, line, hang, tries = [0.0], asyncio.Semaphore(8), asyncio.Event(), list[float]()
    watchdog = Watchdog(lambda: now[0])

    async def hangs(_: Scope) -> Outcome:
        async with acquired(line):
            await hang.wait()
        return Done("")

    async def polls(_: Scope) -> Outcome:
        async with acquired(line):
            now[0] += 10
            tries.append(now[0])
        return Wait.queued(0.01, "AssigningAccess", "")

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(side_by_side(factory, watchdog, hangs, polls))
        while len(tries) < 5:
            await asyncio.sleep(0.01)
        told = watchdog.standstill(35)
        hang.set()
    assert "ns/acme has made no progress for" in (told or "")
    assert watchdog.standstill(0) is None, "over"


async def test_a_step_that_hangs_is_not_hidden_by_one_in_line_behind_it(factory: Factory) -> None:
    now, line, hang = [0.0], asyncio.Lock(), asyncio.Event()
    watchdog = Watchdog(lambda: now[0])

    async def first(_: Scope) -> Outcome:
        async with acquired(line):
            await hang.wait()
        return Done("")

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(side_by_side(factory, watchdog, first, first))
        while not line.locked():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        now[0] = 100
        told = watchdog.standstill(10)
        hang.set()
    assert "ns/acme has made no progress for 100 s" in (told or "")


Run = Callable[[Scope], Awaitable[Outcome]]


async def side_by_side(factory: Factory, watchdog: Watchdog, *runs: Run) -> None:
    """One reconcile, to an account whose steps lack nothing."""
    steps = tuple(
        Step(each.name, each.condition, run, "", needs=()) for each, run in zip(PROVISIONING, runs, strict=False)
    )
    process = await factory.start(lambda _: steps)
    await factory.add()
    with watchdog.reconciling("ns/acme"):
        await process.reconciler.reconcile(NAMESPACE, "acme")


@pytest.mark.real_time
async def test_it_is_told_over_http(unused_tcp_port: int) -> None:
    health, url = Health(), f"http://127.0.0.1:{unused_tcp_port}/healthz"
    async with serving(health, unused_tcp_port), aiohttp.ClientSession() as session:
        assert (await session.get(url)).status == 200
        health.trouble = lambda: "It stands still."
        answer = await session.get(url)
        assert (answer.status, await answer.json()) == (503, {"status": "It stands still."})
    async with serving(health, 0):
        pass


@pytest.mark.real_time
async def test_it_is_ready_from_its_standing_by_until_it_stops(unused_tcp_port: int) -> None:
    health, url, is_stopping = Health(), f"http://127.0.0.1:{unused_tcp_port}", False
    async with serving(health, unused_tcp_port), aiohttp.ClientSession() as http:

        async def status(path: str) -> int:
            async with http.get(url + path) as response:
                return response.status

        assert (await status("/readyz"), await status("/healthz")) == (503, 200)
        health.ready = lambda: not is_stopping
        assert await status("/readyz") == 200
        health.trouble = lambda: "it stands still"
        assert (await status("/readyz"), await status("/healthz")) == (200, 503)
        is_stopping = True
        assert await status("/readyz") == 503
