"""All objects of one kind in memory, kept current by watches, with indexes.

The handlers read from here, so that a thousand polling clients cost Kubernetes nothing. The invariant: for each object
the cache holds the newest version that it received, from the watch or from the response to a write of ours, and never
one that the watch has seen deleted or replaced by an unreadable version. `age` says how old its state may be.
There is one watch for each namespace, or a single one for all of them; each tracks its own resource version.
Only the home namespace decides whether the cache is filled and how old it is. Another namespace that can't be read (no
RoleBinding, deleted, never existed) is missing or outdated, which `ages` show, and blocks no request.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

from batteries_apiserver.cache.object_store import Index, Listener, ObjectStore
from batteries_apiserver.cache.trimmed import trimmed
from batteries_apiserver.cache.watch import Watch
from batteries_crds.kube.client import R, Resources


class WatchCache(Generic[R]):
    """Filled by `run`; read by name or by one of its indexes.

    `home` is the namespace in which names are looked up; `namespaces` are those to watch (None: all of them).
    `trim` returns the part of an object that is kept. `optional`: the cluster may not have the resource, or may not
    show it (an upgrade changes the programs, the CRDs and the Roles one after another); such a cache is not `synced`.
    """

    def __init__(
        self,
        resources: Resources[R],
        model: type[R],
        home: str,
        *,
        indexes: Mapping[str, Index[R]],
        watch_seconds: int,
        namespaces: Sequence[str | None] | None = None,
        trim: Callable[[R], R] = trimmed,
        optional: bool = False,
    ) -> None:
        self.resource = model.definition.plural
        self.synced = asyncio.Event()
        self._home = home
        self._store = ObjectStore[R](indexes)
        self._watches = {
            namespace: Watch(
                resources,
                model,
                namespace,
                self._store,
                trim,
                seconds=watch_seconds,
                listed=self._listed,
                optional=optional,
            )
            for namespace in namespaces or (home,)
        }

    @property
    def age(self) -> float:
        """Seconds since Kubernetes last sent anything about the home namespace; infinite before its first list."""
        return self._home_watch.age

    @property
    def ages(self) -> dict[str, float]:
        """The same for each watched namespace; `*` stands for all."""
        return {namespace or "*": watch.age for namespace, watch in self._watches.items()}

    @property
    def _home_watch(self) -> Watch[R]:
        return self._watches[self._home if self._home in self._watches else None]

    @property
    def unreadable(self) -> int:
        """How many objects in Kubernetes can't be read and are therefore missing here."""
        return sum(len(watch.unreadable) for watch in self._watches.values())

    def __len__(self) -> int:
        return len(self._store)

    def get(self, name: str) -> R | None:
        """The object with this name in the home namespace."""
        return self._store.get(f"{self._home}/{name}")

    def find(self, index: str, value: str) -> list[R]:
        """The objects that `index` finds by `value`."""
        return self._store.find(index, value)

    def all(self) -> list[R]:
        """All objects."""
        return self._store.all()

    def listen(self, listener: Listener[R]) -> None:
        """Calls `listener` at each change from now on."""
        self._store.listeners.append(listener)

    def put(self, item: R) -> None:
        """Stores an object from a read or from the response to a write, unless its watch is past its version."""
        watch = self._watches.get(item.metadata.namespace) or self._watches.get(None)
        if watch is not None:
            watch.put(item)

    async def run(self) -> None:
        """Lists and watches until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches.values():
                group.create_task(watch.run())

    def heard(self) -> None:
        """Records for every watch that Kubernetes sent something now."""
        for watch in self._watches.values():
            watch.heard()

    def _listed(self) -> None:
        if self._home_watch.age < float("inf"):
            self.synced.set()
