"""Long work that keeps nobody waiting: others have their turn in its middle, and what it makes is not gone through."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_SECONDS = 0.005
_THRESHOLDS = gc.get_threshold()
_NEVER = 2**31 - 1


class CooperativeYield:
    """What one long work was given of the event loop; the work asks after each small part of it."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def if_due(self) -> None:
        """Has everybody else run once, where the work has held the loop for some milliseconds."""
        if time.perf_counter() - self._since > _LONGEST_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class _Blocks:
    """How many blocks are under way."""

    under_way = 0


@contextmanager
def without_full_collections() -> Iterator[None]:
    """What the block makes stays for long: Python need not look through all of it for garbage, then or later.

    With ten thousand accounts each such look took a fifth of a second, in which nobody was answered. Young garbage is
    collected as ever; of the old, what lies in circles stays, which is little, for this is done seldom.
    """
    _Blocks.under_way += 1
    gc.set_threshold(*_THRESHOLDS[:2], _NEVER)
    try:
        yield
        gc.freeze()  # not where it failed: what is tried again and again would leave its circles each time
    finally:
        _Blocks.under_way -= 1
        if not _Blocks.under_way:
            gc.set_threshold(*_THRESHOLDS)
