"""A lock for each customer, for code that checks a count and then creates an object."""

import asyncio
from weakref import WeakValueDictionary


class KeyedLocks:
    """A lock for each name; it exists for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, name: str) -> asyncio.Lock:
        """The lock with this name."""
        return self._locks.setdefault(name, asyncio.Lock())
