"""One watch: keeps the objects of one namespace, or of all, current in a store.

It lists, follows the events from the list's version on, and lists again if Kubernetes can't continue from there.

An object that the model refuses (a later version of the CRD, a change by hand) is logged and left out; all others are
still visible. Its earlier version is removed at once, and not only with the next list: the unreadable version may have
revoked a key, and all replicas must show the same, whenever they started.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Generic

import orjson
import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.cache.cooperative_yield import CooperativeYield, without_full_collections
from batteries_apiserver.cache.object_store import ObjectStore
from batteries_apiserver.runtime import metrics
from batteries_crds.kube.client import UNANSWERED, R, Resources, UnreadableError, read_object, status_of

log = structlog.get_logger(__name__)

_VERSION_REFUSED = frozenset({400, 410, 504})  # not a version, too old, newer than there is
_NOT_THERE = frozenset({403, 404})  # no permission for the resource, or no CustomResourceDefinition
_SHORTEST_PAUSE, _LONGEST_PAUSE, _NOT_THERE_PAUSE = 0.2, 10.0, 60.0


class _Expired(Exception):
    """Kubernetes can't continue from the watch's version: it is too old, or newer than etcd is after a restore."""


class Watch(Generic[R]):
    """Keeps the objects of one namespace, or of all, current in a store that other watches may share."""

    def __init__(
        self,
        resources: Resources[R],
        model: type[R],
        namespace: str | None,
        store: ObjectStore[R],
        trim: Callable[[R], R],
        *,
        seconds: int,
        listed: Callable[[], None],
        optional: bool = False,
    ) -> None:
        self._resources = resources
        self._model = model
        self._namespace = namespace
        self._store = store
        self._trim = trim
        self._seconds = seconds
        self._when_listed = listed
        self._optional = optional
        self._is_missing = False
        self.unreadable: set[str] = set()
        self._put_while_listing: dict[str, R] | None = None
        self._version = 0  # the last version seen; while a new list is being read, the last one before it
        self._must_list = True
        self._heard_at: float | None = None
        self._log = log.bind(resource=model.definition.plural, namespace=namespace)

    @property
    def age(self) -> float:
        """Seconds since the last response or event from Kubernetes; infinite before the first list."""
        return float("inf") if self._heard_at is None else time.monotonic() - self._heard_at

    def heard(self) -> None:
        """Records that Kubernetes sent something now."""
        self._heard_at = time.monotonic()

    def put(self, item: R) -> None:
        """Stores an object from a read or from the response to a write, unless the watch is past its version.

        If it is, it has already shown that version, a later one, or the deletion.
        """
        lately = self._put_while_listing
        if lately is not None:  # the new list decides: its version may be a lower one
            known = lately.get(item.key)
            # The newest version counts, in whatever order the responses came.
            if known is None or known.metadata.version < item.metadata.version:
                lately[item.key] = self._trim(item)
        if item.metadata.version > self._version:
            self.unreadable.discard(item.key)
            self._store.store(self._trim(item))

    async def run(self) -> None:
        """Lists and watches until cancelled. The backoff grows only with consecutive failures."""
        pause = _SHORTEST_PAUSE
        while True:
            try:
                if self._must_list:
                    with without_full_collections():
                        await self._list()
                begun = time.monotonic()
                await self._watch()
                # A watch that ends as soon as it began must not be reopened without a pause.
                if time.monotonic() - begun > _SHORTEST_PAUSE:
                    pause = _SHORTEST_PAUSE
                    continue
            except _Expired as error:
                self._must_list = True
                self._log.info("watch_expired", reason=str(error))
            except (ApiException, *UNANSWERED, ValueError) as error:
                pause = self._failed(error, pause)
            except Exception:
                # A bug of ours must not end the watch: the cache would stay outdated forever.
                self._must_list = True
                self._log.exception("watch_broken")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads replicas, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _failed(self, error: Exception, pause: float) -> float:
        """Logs it, and returns how long to wait: long for an optional resource that is not there, perhaps for ever."""
        status = status_of(error) if isinstance(error, ApiException) else None
        if self._optional and status in _NOT_THERE:
            if not self._is_missing:
                self._log.info("resource_not_there", error=_brief(error))
            self._must_list = self._is_missing = True
            return _NOT_THERE_PAUSE
        self._must_list = self._must_list or status in _VERSION_REFUSED
        self._log.warning("watch_failed", error=_brief(error), pause=round(pause, 1))
        return pause

    async def _list(self) -> None:
        """Replaces the store's content by a new list, in small steps; each old object stays until its turn.

        Nothing from before the list is kept, because versions are lower after a restore of etcd. Only objects that
        were put in meanwhile, and are newer than the list, are put in again.
        """
        lately: dict[str, R] = {}
        self._put_while_listing, cooperative_yield = lately, CooperativeYield()
        # From here on, only objects newer than the list are put in.
        listed, unreadable, self._version = await self._read_all(cooperative_yield)

        def newest(key: str) -> R | None:
            own = lately.get(key)
            return own if own is not None and own.metadata.version > self._version else listed.get(key)

        for held in self._store.all():
            if self._namespace in (None, held.metadata.namespace) and newest(held.key) is None:
                self._store.remove(held.key)
            await cooperative_yield.if_due()
        for key, item in listed.items():
            self._store.replace(newest(key) or item)
            await cooperative_yield.if_due()
        for key in lately.keys() - listed.keys():
            if (own := newest(key)) is not None:
                self._store.replace(own)
        self._put_while_listing = None
        self.unreadable = {key for key in unreadable if self._store.get(key) is None}
        self._must_list = self._is_missing = False
        self.heard()
        self._when_listed()
        metrics.CACHE_RELISTS.labels(self._model.definition.plural).inc()
        self._log.info("cache_listed", objects=len(listed))

    async def _read_all(self, cooperative_yield: CooperativeYield) -> tuple[dict[str, R], set[str], int]:
        """Returns the whole list by key, the keys of unreadable objects, and the list's version."""
        listed: dict[str, R] = {}
        unreadable: set[str] = set()
        token: str | None = None
        while True:
            page = await self._resources.raw_page(self._namespace, token=token)
            for raw in page.items:
                # Trimmed at once: the whole objects of all pages would take many times the memory.
                item = self._read(raw)
                if item is None:
                    unreadable.add(_key(raw))
                else:
                    listed[item.key] = item
                await cooperative_yield.if_due()
            token = page.next_token
            if token is None:
                return listed, unreadable, int(page.resource_version)

    async def _watch(self) -> None:
        """Runs one watch to its end. It splits lines itself, because aiohttp's readline refuses very long ones."""
        response = await self._resources.watch_from(self._namespace, str(self._version), seconds=self._seconds)
        try:
            self.heard()
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._apply(orjson.loads(line))
                self.heard()
        finally:
            response.close()

    def _apply(self, event: dict[str, Any]) -> None:
        kind, raw = event["type"], event["object"]
        if kind == "ERROR":
            raise _Expired(raw.get("message"))
        meta = raw["metadata"]
        version = int(meta["resourceVersion"])
        self._version = max(self._version, version)
        if kind == "BOOKMARK":
            return
        key = _key(raw)
        known = self._store.get(key)
        if kind == "DELETED":
            self.unreadable.discard(key)
            if known is not None and known.metadata.version <= version:
                self._store.remove(key)
            return
        if known is not None and known.metadata.version >= version:
            return  # already known from the response to a write of ours
        item = self._read(raw)
        if item is not None:
            self.unreadable.discard(key)
            self._store.store(item)
        else:
            self.unreadable.add(key)
            self._store.remove(key)

    def _read(self, raw: dict[str, Any]) -> R | None:
        """Returns the trimmed object, or None if it can't be read."""
        try:
            return self._trim(read_object(self._model, raw))
        except UnreadableError as error:
            version = raw["metadata"]["resourceVersion"]
            self._log.warning("object_unreadable", object=error.key, version=version, reason=error.reason)
            return None


def _key(raw: dict[str, Any]) -> str:
    """The `namespace/name` of an object in JSON form."""
    return f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"


def _brief(error: Exception) -> str:
    """An ApiException prints all headers and the body; its status and reason say enough."""
    return f"{error.status} {error.reason}" if isinstance(error, ApiException) else f"{type(error).__name__}: {error}"
