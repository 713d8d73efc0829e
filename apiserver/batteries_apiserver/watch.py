"""One watch: the objects of one namespace, or of all, kept current in a store.

It lists, follows the events from the list's version on, and lists anew where Kubernetes can't go on from there.

An object that the model refuses (a later version of the CRD, a change by hand) is left out and told of, and keeps
nobody else from being seen. What was known of it before goes too, at once and not only with the next list: a key may
have been revoked in what can't be read, and all replicas shall show the same, whenever each of them began.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Generic

import orjson
import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver import metrics
from batteries_apiserver.object_store import ObjectStore
from batteries_crds.client import UNANSWERED, R, Resources, UnreadableError, read_object, status_of

log = structlog.get_logger(__name__)

_VERSION_REFUSED = frozenset({400, 410, 504})  # not a version, too old, newer than there is
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class _Expired(Exception):
    """Kubernetes can't go on from the watch's version: it is too old, or newer than etcd is after a restore."""


class Watch(Generic[R]):
    """Keeps the objects of one namespace, or of all, current in a store that it may share."""

    def __init__(
        self,
        resources: Resources[R],
        model: type[R],
        namespace: str | None,
        store: ObjectStore[R],
        keep: Callable[[R], R],
        *,
        seconds: int,
        listed: Callable[[], None],
    ) -> None:
        self._resources = resources
        self._model = model
        self._namespace = namespace
        self._store = store
        self._keep = keep
        self._seconds = seconds
        self._when_listed = listed
        self.unreadable: set[str] = set()
        self._put_while_listing: list[R] | None = None
        self._version = 0  # how far it has got; until a new list is whole, how far it had
        self._must_list = True
        self._heard_at: float | None = None
        self._log = log.bind(resource=model.definition.plural, namespace=namespace)

    @property
    def age(self) -> float:
        """Seconds since Kubernetes last told us anything; infinite before the first list."""
        return float("inf") if self._heard_at is None else time.monotonic() - self._heard_at

    def heard(self) -> None:
        """Kubernetes told us something."""
        self._heard_at = time.monotonic()

    def put(self, item: R) -> None:
        """Takes what a read or the answer to a write showed, if the watch has not got that far.

        Where it has, it has told of that version, of a later one or of the deletion already.
        """
        if self._put_while_listing is not None:
            self._put_while_listing.append(self._keep(item))  # the new list decides: its version may be a lower one
        if item.metadata.version > self._version:
            self.unreadable.discard(item.key)
            self._store.store(self._keep(item))

    async def run(self) -> None:
        """Lists and watches until cancelled. Only failures in a row make it wait longer."""
        pause = _SHORTEST_PAUSE
        while True:
            try:
                if self._must_list:
                    await self._list()
                begun = time.monotonic()
                await self._watch()
                # One that ends as soon as it began would otherwise be opened again without a breath.
                if time.monotonic() - begun > _SHORTEST_PAUSE:
                    pause = _SHORTEST_PAUSE
                    continue
            except _Expired as error:
                self._must_list = True
                self._log.info("watch_expired", reason=str(error))
            except (ApiException, *UNANSWERED, ValueError) as error:
                if isinstance(error, ApiException) and status_of(error) in _VERSION_REFUSED:
                    self._must_list = True
                self._log.warning("watch_failed", error=_brief(error), pause=round(pause, 1))
            except Exception:
                # A bug of ours must not end the watch: the cache would grow old for ever.
                self._must_list = True
                self._log.exception("watch_broken")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads replicas, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _list(self) -> None:
        """Reads everything and begins anew from it.

        Nothing of before is kept, for versions begin again lower when etcd is restored from a backup; only what was
        put in while the pages were read, and is newer than they are, is put in again.
        """
        listed: list[R] = []
        unreadable: set[str] = set()
        lately: list[R] = []
        self._put_while_listing = lately
        token, version = None, 0
        while True:
            page = await self._resources.raw_page(self._namespace, token=token)
            for raw in page.items:
                # At once: whole objects of all pages together would be many times what is kept.
                item = self._read(raw)
                if item is None:
                    unreadable.add(_key(raw))
                else:
                    listed.append(item)
            version, token = int(page.resource_version), page.next_token
            if token is None:
                break
        self._put_while_listing = None
        # Of several put in the newest, whichever answer came last; each object once, so that listeners hear of it once.
        newest = {item.key: item for item in listed}
        beyond = [item for item in lately if item.metadata.version > version]
        newest |= {item.key: item for item in sorted(beyond, key=lambda item: item.metadata.version)}
        for key in self._keys() - newest.keys():
            self._store.remove(key)
        for item in newest.values():
            self._store.replace(item)
        self.unreadable = unreadable - newest.keys()
        self._version = version
        self._must_list = False
        self.heard()
        self._when_listed()
        metrics.CACHE_RELISTS.labels(self._model.definition.plural).inc()
        self._log.info("cache_listed", objects=len(newest))

    async def _watch(self) -> None:
        """One watch, to its end. Lines are cut by hand: a large object's is longer than aiohttp's readline takes."""
        response = await self._resources.watch_from(self._namespace, str(self._version), seconds=self._seconds)
        try:
            self.heard()
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(orjson.loads(line))
                self.heard()
        finally:
            response.close()

    def _take(self, event: dict[str, Any]) -> None:
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
            return  # the answer to a write of ours showed it already
        item = self._read(raw)
        if item is not None:
            self.unreadable.discard(key)
            self._store.store(item)
        else:
            self.unreadable.add(key)
            self._store.remove(key)

    def _read(self, raw: dict[str, Any]) -> R | None:
        """What is kept of it; None where it can't be read."""
        try:
            return self._keep(read_object(self._model, raw))
        except UnreadableError as error:
            version = raw["metadata"]["resourceVersion"]
            self._log.warning("object_unreadable", object=error.key, version=version, reason=error.reason)
            return None

    def _keys(self) -> set[str]:
        """Of what is here from this watch's namespace."""
        items = self._store.all()
        return {item.key for item in items if self._namespace in (None, item.metadata.namespace)}


def _key(raw: dict[str, Any]) -> str:
    """`namespace/name` of an object as JSON has it."""
    return f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"


def _brief(error: Exception) -> str:
    """An ApiException prints all headers and the body; its status and reason say enough."""
    return f"{error.status} {error.reason}" if isinstance(error, ApiException) else f"{type(error).__name__}: {error}"
