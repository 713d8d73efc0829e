"""Caches what AWS returned, so that it need not be asked again: ids found by a name, and credentials.

Any of it may be outdated when it is used: an OU is deleted and created again, a role's sessions are revoked. So nothing
is kept longer than an hour; and when AWS does not find or denies what a call named, that entry is forgotten
(`IdCaches.forget`) and looked up once more by its name.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from batteries_operator.aws.error_meanings import DENIED, KEYS_REFUSED, NOT_THERE, REFUSED
from batteries_operator.aws.errors import AwsError
from batteries_operator.runtime.watchdog import acquired

V = TypeVar("V")

LONGEST_SECONDS = 3600.0
"""The longest time that an entry is kept, even if nothing shows that it is outdated."""

_WRONG = (NOT_THERE, KEYS_REFUSED, DENIED, REFUSED)
"""AWS's errors for ids or credentials that were valid once. It denies access instead of reporting some things as
missing.
"""

_AGAIN = (NOT_THERE, KEYS_REFUSED)
"""Those after which the same call is worth another try at once: a denial stays until people change it."""


class CachedIds(Generic[V]):
    """Values by their key, such as a name; the most recently used, and none too old."""

    def __init__(self, ids: Callable[[V], Iterable[str]], most: int, clock: Callable[[], float]) -> None:
        """`ids` are the strings by which a call names the value."""
        self._ids, self._most, self._clock = ids, most, clock
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()
        # Steps that run side by side ask together.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, key: str, look: Callable[[], Awaitable[V | None]], is_good: Callable[[V], bool] = lambda _: True
    ) -> V | None:
        """The value, looked up if it is unknown, too old or not `is_good` any more; None if there is none."""
        async with acquired(self._asking.setdefault(key, asyncio.Lock())):
            fetched_at, value = self._values.get(key, (0.0, None))
            if value is None or self._clock() - fetched_at > LONGEST_SECONDS or not is_good(value):
                self._values.pop(key, None)
                fetched_at, value = self._clock(), await look()
            if value is not None:
                self._values[key] = fetched_at, value
                self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
            return value

    def forget(self, key: str) -> None:
        """Removes the value, so that it is looked up the next time."""
        self._values.pop(key, None)

    def forget_named(self, names: frozenset[str]) -> bool:
        """Forgets the values that a call named by one of these; returns whether there were any."""
        wrong = [key for key, (_, value) in self._values.items() if not names.isdisjoint(self._ids(value))]
        for key in wrong:
            self.forget(key)
        return bool(wrong)


class IdCaches:
    """All such caches of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: list[CachedIds[object]] = []

    def of(self, ids: Callable[[V], Iterable[str]], most: int = 64) -> CachedIds[V]:
        """A new part of it."""
        part = CachedIds(ids, most, self._clock)
        self._all.append(part)  # type: ignore[arg-type]  # each is only ever asked for its own values
        return part

    def forget(self, error: AwsError) -> bool:
        """Forgets what the call named if its error may mean that it is outdated; returns whether to retry at once."""
        if error.meaning not in _WRONG:
            return False
        forgotten = [part.forget_named(error.named) for part in self._all]
        return any(forgotten) and error.meaning in _AGAIN
