"""Caches of what AWS said, so that it need not be asked again: ids found by a name, and credentials.

Any of it may be wrong by the time that it is used: an OU is deleted and made again, a role's sessions are revoked. So
nothing is older than an hour, and what a call named when AWS did not find it, or denied it, is forgotten
(`IdCaches.forget`), and looked up once more by its name.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from batteries_operator.aws.errors import DENIED, KEYS_REFUSED, NOT_THERE, REFUSED, AwsError
from batteries_operator.runtime.watchdog import acquired

V = TypeVar("V")

LONGEST_SECONDS = 3600.0
"""So old may it get, though nothing says that it is wrong."""

_WRONG = (NOT_THERE, KEYS_REFUSED, DENIED, REFUSED)
"""What AWS answers to an id or to credentials that were right once. It denies what it does not want to call missing."""

_AGAIN = (NOT_THERE, KEYS_REFUSED)
"""After which the same is worth another try at once: a denial that stays is mended by people."""


class CachedIds(Generic[V]):
    """Values by their key, such as a name; the latest used, and none too old."""

    def __init__(self, ids: Callable[[V], Iterable[str]], most: int, clock: Callable[[], float]) -> None:
        """`ids` are the strings by which a call names the value."""
        self._ids, self._most, self._clock = ids, most, clock
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()
        # Steps that run side by side ask together.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, key: str, look: Callable[[], Awaitable[V | None]], is_good: Callable[[V], bool] = lambda _: True
    ) -> V | None:
        """The value, looked for where it is not known, is too old or not `is_good` any more; None: there is none."""
        async with acquired(self._asking.setdefault(key, asyncio.Lock())):
            asked, value = self._values.get(key, (0.0, None))
            if value is None or self._clock() - asked > LONGEST_SECONDS or not is_good(value):
                self._values.pop(key, None)
                asked, value = self._clock(), await look()
            if value is not None:
                self._values[key] = asked, value
                self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
            return value

    def forget(self, key: str) -> None:
        """It is looked for the next time."""
        self._values.pop(key, None)

    def forget_named(self, names: frozenset[str]) -> bool:
        """Forgets what a call named by one of these; whether there was anything."""
        wrong = [key for key, (_, value) in self._values.items() if not names.isdisjoint(self._ids(value))]
        for key in wrong:
            self.forget(key)
        return bool(wrong)


class IdCaches:
    """All that one process remembers in this way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: list[CachedIds[object]] = []

    def of(self, ids: Callable[[V], Iterable[str]], most: int = 64) -> CachedIds[V]:
        """A new part of it."""
        part = CachedIds(ids, most, self._clock)
        self._all.append(part)  # type: ignore[arg-type]  # each is only ever asked for its own values
        return part

    def forget(self, error: AwsError) -> bool:
        """Forgets what the call named, where its error may mean that this is wrong; whether to try again at once."""
        if error.meaning not in _WRONG:
            return False
        forgotten = [part.forget_named(error.named) for part in self._all]
        return any(forgotten) and error.meaning in _AGAIN
