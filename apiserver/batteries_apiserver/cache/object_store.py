"""Objects of one kind in memory, with indexes and change listeners. It does no I/O and never waits.

The invariant: the indexes hold exactly the stored objects, and each listener is called once for each change, after the
change, with the object before and after it (None if there is none).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic

from batteries_crds.kube.client import R

Index = Callable[[R], Iterable[str]]
"""Returns the strings by which an object can be found; there may be none."""

Listener = Callable[[R | None, R | None], None]


class ObjectStore(Generic[R]):
    """The objects, by `namespace/name` and by their indexes."""

    def __init__(self, indexes: Mapping[str, Index[R]]) -> None:
        self.listeners: list[Listener[R]] = []
        self._indexes = dict(indexes)
        self._items: dict[str, R] = {}
        # The objects themselves and not their keys: that saves each read a second lookup.
        self._found: dict[str, dict[str, dict[str, R]]] = {name: {} for name in indexes}

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str) -> R | None:
        """The object with this `namespace/name`."""
        return self._items.get(key)

    def find(self, index: str, value: str) -> list[R]:
        """The objects that `index` finds by `value`."""
        found = self._found[index].get(value)
        return [*found.values()] if found is not None else []

    def all(self) -> list[R]:
        """All objects."""
        return list(self._items.values())

    def store(self, item: R) -> None:
        """Stores the object if it is newer than the stored one."""
        old = self._items.get(item.key)
        if old is None or old.metadata.version < item.metadata.version:
            self.replace(item)

    def replace(self, item: R) -> None:
        """Stores the object, newer or not: after a restore of etcd, versions are lower than before."""
        key = item.key
        old = self._items.get(key)
        if old is not None:
            self._unindex(old)
        self._items[key] = item
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                self._found[index].setdefault(value, {})[key] = item
        self._notify(old, item)

    def remove(self, key: str) -> None:
        """Removes the object, if it is stored."""
        item = self._items.pop(key, None)
        if item is not None:
            self._unindex(item)
            self._notify(item, None)

    def _unindex(self, item: R) -> None:
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                keys = self._found[index].get(value, {})
                keys.pop(item.key, None)
                if not keys:
                    self._found[index].pop(value, None)

    def _notify(self, before: R | None, after: R | None) -> None:
        for listener in self.listeners:
            listener(before, after)
