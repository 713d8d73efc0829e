"""All objects of one kind in memory, kept current by a watch, and found by what is asked for.

The handlers read from here, so that a thousand pollers cost Kubernetes nothing. The invariant: for each object the
cache holds the newest version that it was shown, whether the watch or the answer to an own write showed it, and
never one that the watch has already seen deleted. How old its knowledge may be is `age`.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic

import aiohttp
import orjson
import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver import metrics
from batteries_crds.client import R, Resources, status_of

log = structlog.get_logger(__name__)

Index = Callable[[R], Iterable[str]]
"""What an object is found by: some strings, or none."""

_VERSION_REFUSED = frozenset({400, 410, 504})  # not a version, too old, newer than there is
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class _Expired(Exception):
    """Kubernetes can't go on from the watch's version: it is too old, or newer than etcd is after a restore."""


def version_of(item: Any) -> int:
    """An object's place in the order of writes; versions of one kind can be compared since Kubernetes 1.35."""
    return int(item.metadata.resource_version or 0)


class WatchCache(Generic[R]):
    """Filled by `run`; read by name or by one of its indexes."""

    def __init__(
        self,
        resources: Resources[R],
        model: type[R],
        namespace: str,
        *,
        indexes: Mapping[str, Index[R]],
        watch_seconds: int,
    ) -> None:
        self.resource = model.definition.plural
        self.synced = asyncio.Event()
        self._resources = resources
        self._model = model
        self._namespace = namespace
        self._indexes = dict(indexes)
        self._watch_seconds = watch_seconds
        self._items: dict[str, R] = {}
        # A dict for a set: what was put in first comes out first.
        self._found: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexes}
        self._put_while_listing: list[R] | None = None
        self._version = 0
        self._heard_at: float | None = None

    @property
    def age(self) -> float:
        """Seconds since Kubernetes last told us anything; infinite before the first list."""
        return float("inf") if self._heard_at is None else time.monotonic() - self._heard_at

    def __len__(self) -> int:
        return len(self._items)

    def get(self, name: str) -> R | None:
        """The object of that name."""
        return self._items.get(name)

    def all(self) -> list[R]:
        """Every object, in no order."""
        return list(self._items.values())

    def find(self, index: str, value: str) -> list[R]:
        """The objects that `index` finds by `value`."""
        return [self._items[name] for name in self._found[index].get(value, ())]

    def put(self, item: R) -> None:
        """Takes what a read or the answer to a write showed, if the watch has not got that far.

        Where it has, it has told of that version, of a later one or of the deletion already.
        """
        if version_of(item) > self._version:
            if self._put_while_listing is not None:
                self._put_while_listing.append(item)
            self._store(item)

    async def run(self) -> None:
        """Lists and watches until cancelled. Only failures in a row make it wait longer."""
        pause = _SHORTEST_PAUSE
        while True:
            try:
                if self._version == 0:
                    await self._list()
                begun = time.monotonic()
                await self._watch()
                # One that ends as soon as it began would otherwise be opened again without a breath.
                if time.monotonic() - begun > _SHORTEST_PAUSE:
                    pause = _SHORTEST_PAUSE
                    continue
            except _Expired as error:
                self._version = 0
                log.info("watch_expired", resource=self.resource, reason=str(error))
            except (ApiException, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                if isinstance(error, ApiException) and status_of(error) in _VERSION_REFUSED:
                    self._version = 0
                log.warning("watch_failed", resource=self.resource, error=_brief(error), pause=round(pause, 1))
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads replicas, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _list(self) -> None:
        """Reads everything and begins anew from it.

        Nothing of before is kept, for versions begin again lower when etcd is restored from a backup; only what was
        put in while the pages were read, and is newer than they are, is put in again.
        """
        listed: list[R] = []
        lately: list[R] = []
        self._put_while_listing = lately
        token, version = None, 0
        while True:
            page = await self._resources.page(self._namespace, token=token)
            listed += page.items
            version, token = int(page.resource_version), page.next_token
            if token is None:
                break
        self._put_while_listing = None
        for name in list(self._items):
            self._remove(name)
        for item in [*listed, *(item for item in lately if version_of(item) > version)]:
            self._store(item)
        self._version = version
        self._heard()
        self.synced.set()
        metrics.CACHE_RELISTS.labels(self.resource).inc()
        log.info("cache_listed", resource=self.resource, objects=len(self._items))

    async def _watch(self) -> None:
        """One watch, to its end. Lines are cut by hand: a large object's is longer than aiohttp's readline takes."""
        response = await self._resources.watch_from(self._namespace, str(self._version), seconds=self._watch_seconds)
        try:
            self._heard()
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(orjson.loads(line))
                self._heard()
        finally:
            response.close()

    def _take(self, event: dict[str, Any]) -> None:
        kind, raw = event["type"], event["object"]
        if kind == "ERROR":
            raise _Expired(raw.get("message"))
        self._version = max(self._version, int(raw["metadata"]["resourceVersion"]))
        if kind == "BOOKMARK":
            return
        item = self._model.model_validate(raw)
        if kind != "DELETED":
            self._store(item)
        elif version_of(self._items.get(item.metadata.name, item)) <= version_of(item):
            self._remove(item.metadata.name)

    def _store(self, item: R) -> None:
        name = item.metadata.name
        old = self._items.get(name)
        if old is not None:
            if version_of(old) >= version_of(item):
                return
            self._unindex(old)
        # Tools keep whole copies of an object in its annotations; nothing here reads them.
        item = item.model_copy(update={"metadata": item.metadata.model_copy(update={"annotations": {}})})
        self._items[name] = item
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                self._found[index].setdefault(value, {})[name] = None

    def _remove(self, name: str) -> None:
        item = self._items.pop(name, None)
        if item is not None:
            self._unindex(item)

    def _unindex(self, item: R) -> None:
        for index, values_of in self._indexes.items():
            for value in values_of(item):
                names = self._found[index].get(value, {})
                names.pop(item.metadata.name, None)
                if not names:
                    self._found[index].pop(value, None)

    def _heard(self) -> None:
        self._heard_at = time.monotonic()


def _brief(error: Exception) -> str:
    """An ApiException prints all headers and the body; its status and reason say enough."""
    return f"{error.status} {error.reason}" if isinstance(error, ApiException) else f"{type(error).__name__}: {error}"
