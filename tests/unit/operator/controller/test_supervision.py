"""The process ends when kopf or a signal ends it, in time, whatever hangs."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import kopf
import pytest

from batteries_operator.controller import supervision
from batteries_operator.controller.supervision import WatchingEndedError, end_within, run_kopf, stop_on_signals


class Timers:
    """In the place of `threading.Timer`."""

    def __init__(self) -> None:
        self.started: list[tuple[float, Callable[[], None]]] = []
        self.threads: list[Any] = []

    def __call__(self, seconds: float, function: Callable[[], None]) -> Any:
        timers = self

        class Timer:
            name, daemon = "", False

            def start(self) -> None:
                assert self.daemon, "it must not keep the process alive"
                timers.started.append((seconds, function))
                timers.threads.append(self)

        return Timer()


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    monkeypatch.setattr(threading, "Timer", made)
    monkeypatch.setattr(threading, "enumerate", lambda: made.threads)
    return made


class Kopf:
    """kopf with one part that goes on until it is told, and may take its time or fail then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ends_after: float = 0.0) -> None:
        self.ends_after, self.cancelled = ends_after, 0
        self.given: dict[str, Any] = {}
        self.fails_with: Exception | None = None
        self.ended_by_itself = asyncio.Event()
        monkeypatch.setattr(kopf, "spawn_tasks", self._spawn)
        monkeypatch.setattr(kopf, "run_tasks", self._run)
        monkeypatch.setattr(supervision, "stop_on_signals", lambda stop, seconds: self.given.update(stop_in=seconds))

    async def _spawn(self, stop_flag: asyncio.Event, **arguments: Any) -> list["asyncio.Task[None]"]:
        self.given |= arguments

        async def part() -> None:
            for done in asyncio.as_completed([stop_flag.wait(), self.ended_by_itself.wait()]):
                await done
                return

        return [asyncio.create_task(part(), name="the watch")]

    async def _run(self, parts: Any, *, ignored: Any) -> None:
        await asyncio.wait(parts)
        try:
            await asyncio.sleep(self.ends_after)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails_with is not None:
            raise self.fails_with


async def seconds(work: Any) -> float:
    begun = asyncio.get_running_loop().time()
    await work
    return asyncio.get_running_loop().time() - begun


async def _later(stop: asyncio.Event) -> None:
    await asyncio.sleep(100)
    stop.set()


async def test_it_runs_until_it_is_told_to_stop_and_ends_as_soon_as_kopf_does(
    monkeypatch: pytest.MonkeyPatch, timers: Timers
) -> None:
    made, stop = Kopf(monkeypatch, ends_after=5), asyncio.Event()
    told = asyncio.create_task(_later(stop))
    assert 105 <= await seconds(run_kopf(stop, 20, namespaces=["one"])) < 106
    assert (made.cancelled, timers.started) == (0, [])
    assert made.given == {"namespaces": ["one"], "stop_in": 20}
    await told


async def test_a_kopf_that_hangs_at_the_end_is_cancelled_after_twelve_seconds(
    monkeypatch: pytest.MonkeyPatch, timers: Timers
) -> None:
    made, stop = Kopf(monkeypatch, ends_after=1000), asyncio.Event()
    stop.set()
    assert 12 <= await seconds(run_kopf(stop, 20)) < 13.5
    assert made.cancelled == 1


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_part_of_kopf_that_ends_ends_the_process_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, timers: Timers, hangs: bool
) -> None:
    made, stop = Kopf(monkeypatch, ends_after=1000 if hangs else 1), asyncio.Event()
    made.ended_by_itself.set()

    async def watched() -> None:
        with pytest.raises(WatchingEndedError, match="Start again"):
            await run_kopf(stop, 20)

    taken = await seconds(watched())
    assert (3 <= taken < 4.5) if hangs else (1 <= taken < 2)
    assert [after for after, _ in timers.started] == [10]
    assert made.cancelled == (1 if hangs else 0)


async def test_an_error_of_kopf_at_the_end_is_logged_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, timers: Timers
) -> None:
    made, stop = Kopf(monkeypatch), asyncio.Event()
    made.fails_with = LookupError("kopf's own")
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(supervision.log, "warning", lambda event, **fields: logged.append({"event": event, **fields}))
    stop.set()
    await run_kopf(stop, 20)
    assert logged[0] == {"event": "kopf_failed", "detail": "LookupError: kopf's own"}


def test_only_the_first_deadline_counts(timers: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    end_within(10)
    end_within(3)
    [(after, end)] = timers.started
    assert after == 10
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    end()
    assert codes == [1]


@pytest.mark.real_time
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_and_sets_the_deadline(timers: Timers, number: int) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    stop_on_signals(stop, 20)
    try:
        signal.raise_signal(number)
        async with asyncio.timeout(10):
            await stop.wait()
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
    assert [after for after, _ in timers.started] == [20]
