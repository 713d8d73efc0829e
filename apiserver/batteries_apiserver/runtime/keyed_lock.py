"""One at a time for each customer: what counts and then makes must not be passed by another that counts meanwhile."""

import asyncio
from weakref import WeakValueDictionary


class KeyedLocks:
    """A lock for each name, which is there for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, name: str) -> asyncio.Lock:
        """The lock of that name."""
        return self._locks.setdefault(name, asyncio.Lock())
