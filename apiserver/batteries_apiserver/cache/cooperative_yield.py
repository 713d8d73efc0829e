"""For long work on the event loop: yields to other tasks, and keeps the garbage collector off its objects."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_SECONDS = 0.005
_NEVER = 2**31 - 1


class CooperativeYield:
    """Measures how long a piece of work has held the event loop; the work calls `if_due` after each small part."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def if_due(self) -> None:
        """Lets the other tasks run if the work has held the loop for some milliseconds."""
        if time.perf_counter() - self._since > _LONGEST_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class _Blocks:
    """How many blocks are active, and the collector's thresholds from before the first of them."""

    under_way = 0
    usual = gc.get_threshold()


@contextmanager
def without_full_collections() -> Iterator[None]:
    """The block makes long-lived objects: excludes them from full garbage collections, during the block and after it.

    With ten thousand accounts each full collection took a fifth of a second, during which no request was served. Young
    generations are collected as usual. Old objects in reference cycles are never freed; they are few, because blocks
    are rare.
    """
    if not _Blocks.under_way:
        _Blocks.usual = gc.get_threshold()
    _Blocks.under_way += 1
    gc.set_threshold(*_Blocks.usual[:2], _NEVER)
    try:
        yield
        gc.freeze()  # not after a failure: each retry would leave its reference cycles behind
    finally:
        _Blocks.under_way -= 1
        if not _Blocks.under_way:
            gc.set_threshold(*_Blocks.usual)
