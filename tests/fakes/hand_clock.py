"""A clock for the AWS stand-in that stands still until a test moves it."""

import asyncio
import time
from threading import Condition

from batteries_sandbox.aws import Clocks

HANG_SECONDS = 60.0
"""Of the machine's time: who waits for so long for another thread waits for ever."""


class HandClock:
    """The stand-in's delays pass when the test says so, and a call that takes its time is held until then."""

    def __init__(self) -> None:
        self.now = 0.0
        self._midnight = time.time()
        self._changed = Condition()
        self._moved: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def __call__(self) -> float:
        return self.now

    @property
    def clocks(self) -> Clocks:
        """What the stand-in takes."""
        return Clocks(self, lambda: self._midnight + self.now, self._sleep)

    def move(self, seconds: float) -> None:
        """So much time passes."""
        with self._changed:
            self.now += seconds
            for event, loop in self._moved.items():
                loop.call_soon_threadsafe(event.set)

    def wait_for_held(self, count: int) -> None:
        """Returns when so many calls are held.

        Raises:
            AssertionError: they are not, for as long as it would take if something hangs.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._moved) >= count, HANG_SECONDS), (
                f"{len(self._moved)} calls are held"
            )

    async def _sleep(self, seconds: float) -> None:
        """In the stand-in's loop, which is another thread's."""
        moved = asyncio.Event()
        with self._changed:  # so that no move falls between the look at the clock and the wait
            until = self.now + seconds
            self._moved[moved] = asyncio.get_running_loop()
            self._changed.notify_all()
        try:
            while self.now < until:
                await moved.wait()
                moved.clear()
        finally:
            with self._changed:
                del self._moved[moved]
