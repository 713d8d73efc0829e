"""An event loop whose clock jumps to the next timer as soon as nobody is at work: a wait of an hour takes no time.

The clock stands still while anything runs, so a test's time limits and the operator's delays mean the same on a machine
that is busy. Threads are work too: `Threads` tells the loop of each call that it runs. What the clock can't wait for is
a socket, behind which nobody knows who is at work: a test that has one keeps the machine's clock.
"""

import asyncio
import contextlib
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

T = TypeVar("T")

SILENCE_SECONDS = 30.0
"""A thread that is at work for so long waits for what a timer of the test does: then the clock goes on."""


TURN_SECONDS = 1e-8
"""What each turn of a loop takes: what lies ahead by less than the clock's last digit would never come otherwise."""


LOOKS_EVERY = 16
"""While a loop has enough to run, it looks for sockets every so many turns: a look takes as long as a turn."""


class Clock:
    """The time of all such loops, and of the AWS stand-in beside them."""

    def __init__(self) -> None:
        self.now = 0.0
        self._midnight = time.time()  # the time of day at 0

    def __call__(self) -> float:
        return self.now

    def begin(self) -> None:
        """For a new test: from 0 on, so that it counts with the same fractions each time, and at the machine's time of
        day."""
        self.now, self._midnight = 0.0, time.time()

    def wall(self) -> float:
        """The time of day in seconds, as `time.time` gives it."""
        return self._midnight + self.now

    async def sleep(self, seconds: float) -> None:
        """Of the AWS stand-in, whose own loop goes by the machine: then so much of this time has passed as well.

        No loop moves the clock meanwhile: the thread that waits for the answer is at work.
        """
        await asyncio.sleep(seconds)
        self.now += seconds


CLOCK = Clock()


class VirtualDatetime(datetime):
    """Stands for `datetime` where the time of day is read."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain one
        return datetime.fromtimestamp(CLOCK.wall(), tz or UTC)


class _Selector(selectors.SelectSelector):
    """Where the loop would wait for a timer it moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        CLOCK.now += TURN_SECONDS
        self._turns += 1
        if timeout == 0 and not self.at_work and self._turns % LOOKS_EVERY:
            return []  # there is something to run, and nobody who could bring more
        ready = super().select(SILENCE_SECONDS if self.at_work and timeout > 0 else 0)
        if not ready:
            CLOCK.now += min(timeout, SILENCE_SECONDS) if self.at_work else timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop of a test in virtual time."""

    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)
        self.set_default_executor(Threads())

    def time(self) -> float:
        return CLOCK.now

    def begins(self) -> None:
        """A thread is given work."""
        self._waits.at_work += 1

    def ends(self, tell: Callable[[], object]) -> None:
        """The work has ended, says its thread; `tell` is called in the loop before the clock may move again."""

        def told() -> None:
            self._waits.at_work -= 1
            tell()

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self.call_soon_threadsafe(told)


class Threads(ThreadPoolExecutor):
    """A pool whose work the clock waits for; in any other loop it is an ordinary one."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        loop = _virtual_loop()
        if loop is None:
            return super().submit(fn, *args, **kwargs)
        told: Future[T] = Future()  # set in the loop, so that no moment is left in which nobody is at work
        running = super().submit(_run, loop, told, lambda: fn(*args, **kwargs))
        loop.begins()

        def dropped(ended: Future[None]) -> None:
            """A pool that is shut down drops what it has not begun."""
            if ended.cancelled():
                loop.ends(told.cancel)

        running.add_done_callback(dropped)
        return told


def _run(loop: VirtualTimeLoop, told: Future[T], function: Callable[[], T]) -> None:
    if not told.set_running_or_notify_cancel():
        loop.ends(lambda: None)
        return
    try:
        answer = function()
    except BaseException as error:
        refused = error
        loop.ends(lambda: told.set_exception(refused))
    else:
        loop.ends(lambda: told.set_result(answer))


def in_virtual_time() -> bool:
    """Whether the code runs in such a loop."""
    return _virtual_loop() is not None


def _virtual_loop() -> VirtualTimeLoop | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return loop if isinstance(loop, VirtualTimeLoop) else None
