"""Texts in order, so that those from one on are found and not looked for."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice

_NEAR = 1000


class Order:
    """Most come last or nearly so; after many that don't, as in a first list, it is sorted once."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._sorted = True

    def add(self, text: str) -> None:
        """Puts it in its place."""
        if self._sorted:
            where = bisect_left(self._texts, text)
            if len(self._texts) - where <= _NEAR:
                self._texts.insert(where, text)
                return
            self._sorted = False
        self._texts.append(text)

    def remove(self, text: str) -> None:
        """Takes out one that is there."""
        self._sort()
        del self._texts[bisect_left(self._texts, text)]

    def after(self, since: str, cursor: str | None) -> Iterator[str]:
        """From `since` on, and beyond `cursor`."""
        self._sort()
        start = bisect_left(self._texts, since)
        if cursor is not None:
            start = max(start, bisect_right(self._texts, cursor))
        return islice(self._texts, start, None)

    def _sort(self) -> None:
        if not self._sorted:
            self._texts.sort()
            self._sorted = True
