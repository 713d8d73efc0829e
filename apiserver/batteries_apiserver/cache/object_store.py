"""Objects of one kind in memory, found by what is asked for, and told of to whoever listens. No I/O, no waiting.

The invariant: the indexes hold exactly the objects that are here, and each listener hears of each change once, after
it is done, as the object before and after it (None where there is none).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic

from batteries_crds.kube.client import R

Index = Callable[[R], Iterable[str]]
"""What an object is found by: some strings, or none."""

Listener = Callable[[R | None, R | None], None]


class ObjectStore(Generic[R]):
    """The objects, by `namespace/name` and by their indexes."""

    def __init__(self, indexes: Mapping[str, Index[R]]) -> None:
        self.listeners: list[Listener[R]] = []
        self._indexes = dict(indexes)
        self._items: dict[str, R] = {}
        # The objects themselves and not their keys: a read looks at as few places in memory as it can.
        self._found: dict[str, dict[str, dict[str, R]]] = {name: {} for name in indexes}

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str) -> R | None:
        """The object of that `namespace/name`."""
        return self._items.get(key)

    def find(self, index: str, value: str) -> list[R]:
        """The objects that `index` finds by `value`."""
        found = self._found[index].get(value)
        return [*found.values()] if found is not None else []

    def all(self) -> list[R]:
        """Each of them."""
        return list(self._items.values())

    def store(self, item: R) -> None:
        """Takes it where it is newer than what is here."""
        old = self._items.get(item.key)
        if old is None or old.metadata.version < item.metadata.version:
            self.replace(item)

    def replace(self, item: R) -> None:
        """Takes it, newer or not: versions begin again lower when etcd is restored from a backup."""
        key = item.key
        old = self._items.get(key)
        if old is not None:
            self._unindex(old)
        self._items[key] = item
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                self._found[index].setdefault(value, {})[key] = item
        self._tell(old, item)

    def remove(self, key: str) -> None:
        """Forgets it."""
        item = self._items.pop(key, None)
        if item is not None:
            self._unindex(item)
            self._tell(item, None)

    def _unindex(self, item: R) -> None:
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                keys = self._found[index].get(value, {})
                keys.pop(item.key, None)
                if not keys:
                    self._found[index].pop(value, None)

    def _tell(self, before: R | None, after: R | None) -> None:
        for listener in self.listeners:
            listener(before, after)
