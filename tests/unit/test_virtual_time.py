"""The clock of the operator's tests: it jumps where all wait, and stands still where anything is at work."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from fakes import virtual_time
from fakes.virtual_time import CLOCK, Threads, VirtualDatetime, VirtualTimeLoop


def in_virtual_time(test: Callable[[], object]) -> None:
    """Runs the coroutine function, and holds it against the machine's clock."""
    begun = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(test())  # type: ignore[arg-type]  # a coroutine
    assert time.monotonic() - begun < 60, "it waited by the machine's clock"


def test_an_hour_takes_no_time_and_both_clocks_say_an_hour() -> None:
    async def test() -> None:
        begun, day = asyncio.get_running_loop().time(), VirtualDatetime.now()
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(3600)
        assert VirtualDatetime.now() - day == pytest.approx(timedelta(hours=1), abs=timedelta(milliseconds=1))

    in_virtual_time(test)


def test_what_is_due_by_less_than_the_clocks_last_digit_comes() -> None:
    async def test() -> None:
        clock = asyncio.get_running_loop().time
        for seconds in (3e7, 0.1, 1e-12, 0.7):
            due = clock() + seconds
            while (left := due - clock()) > 0:
                await asyncio.sleep(left)

    in_virtual_time(test)


def test_timers_come_in_their_order() -> None:
    async def test() -> None:
        order: list[int] = []

        async def after(seconds: int) -> None:
            await asyncio.sleep(seconds)
            order.append(seconds)

        await asyncio.gather(*(after(each) for each in (30, 10, 20)))
        assert order == [10, 20, 30]

    in_virtual_time(test)


@pytest.mark.parametrize("pool", [None, Threads(1)], ids=["the loop's own", "another"])
def test_the_clock_stands_still_while_a_thread_is_at_work(pool: Threads | None) -> None:
    async def test() -> None:
        asked = threading.Event()

        def work() -> float:
            asked.wait(5)
            return CLOCK()

        async def wait() -> None:
            await asyncio.sleep(3600)
            raise AssertionError("the clock went on")

        loop = asyncio.get_running_loop()
        begun, waiting = CLOCK(), asyncio.create_task(wait())
        working = loop.run_in_executor(pool, work)
        threading.Timer(0.05, asked.set).start()
        assert await asyncio.wait_for(working, 1800) == pytest.approx(begun, abs=0.001)
        assert not waiting.done()
        waiting.cancel()

    in_virtual_time(test)


def test_a_thread_that_waits_for_a_timer_of_the_test_has_the_clock_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "SILENCE_SECONDS", 0.05)

    async def test() -> None:
        let_go = threading.Event()
        working = asyncio.create_task(asyncio.to_thread(let_go.wait, 30))
        await asyncio.sleep(0.2)
        let_go.set()
        assert await working

    in_virtual_time(test)


def test_what_a_thread_raises_is_raised_and_what_it_never_began_is_cancelled() -> None:
    async def test() -> None:
        begun, let_go, pool = threading.Event(), threading.Event(), Threads(1)

        def fail() -> None:
            begun.set()
            let_go.wait(5)
            raise KeyError("x")

        loop = asyncio.get_running_loop()
        failing = loop.run_in_executor(pool, fail)
        waiting = loop.run_in_executor(pool, begun.clear)
        await asyncio.to_thread(begun.wait, 5)
        pool.shutdown(wait=False, cancel_futures=True)
        let_go.set()
        with pytest.raises(KeyError):
            await failing
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert begun.is_set()
        await asyncio.sleep(3600)  # nobody is taken to be at work any more

    in_virtual_time(test)
