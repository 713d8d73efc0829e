"""A Kubernetes API server in memory, as far as the operator's writes can tell the difference.

It does what the fences of the operator rest on: every write bumps the resourceVersion, a stale one answers 409,
status writes leave spec and generation alone (and the other way round), a merge patch deletes what is null, and the
CRD's defaults are applied. The integration tests hold the same code against the real API server.
"""

import base64
import marshal
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UnreadableError, read_object, tolerated
from batteries_crds.kube.secrets import StoredSecret, read
from batteries_crds.names import FINALIZER
from batteries_crds.resource import ObjectMeta, Resource
from batteries_crds.schema import structural

R = TypeVar("R", bound=Resource)
Json = dict[str, Any]


class Cluster:
    """All objects, by kind, namespace and name.

    `after_write` is called when a write has been applied, and each of `watches` with what is there then.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.writes: list[tuple[str, str, Json]] = []
        self.after_write: Callable[[int], None] = lambda number: None
        self.before_write: Callable[[str, Json], None] = lambda kind, body: None
        self.watches: list[Callable[[str, Json], None]] = []
        self.version = 0
        self.ahead = timedelta()
        """By how much its clock is ahead of the operator's."""

    def get(self, kind: str, namespace: str, name: str) -> Json:
        if (kind, namespace, name) not in self.objects:
            raise ApiException(status=404, reason="NotFound")
        found: Json = copied(self.objects[kind, namespace, name])
        return found

    def create(self, kind: str, namespace: str, body: Json) -> Json:
        self.before_write(kind, body)
        meta = {"namespace": namespace, **body["metadata"]}
        key = kind, namespace, meta["name"]
        if key in self.objects:
            raise ApiException(status=409, reason="AlreadyExists")
        if kind in ("AwsAccount", "PooledAccount"):
            meta.setdefault("finalizers", [FINALIZER])  # as kopf does as soon as it sees one
        meta |= {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": to_rfc3339(utc_now())}
        # The status is its subresource's: what a create carries of it is dropped.
        without_status = {field: value for field, value in body.items() if field != "status"}
        return self._store(key, {**without_status, "metadata": meta}, "create", body)

    def put(self, kind: str, namespace: str, body: Json) -> Json:
        """As if it had been there before the test began; no watch shows it."""
        self.version += 1
        meta = {"namespace": namespace, "uid": str(uuid.uuid4()), "generation": 1, **body["metadata"]}
        meta = {"creationTimestamp": to_rfc3339(utc_now()), **meta, "resourceVersion": str(self.version)}
        self.objects[kind, namespace, meta["name"]] = copied({**body, "metadata": meta})
        return self.get(kind, namespace, meta["name"])

    def patch(self, kind: str, namespace: str, name: str, body: Json, *, status: bool = False) -> Json:
        self.before_write(kind, body)
        old = self.get(kind, namespace, name)
        fence = body.get("metadata", {}).get("resourceVersion")
        if fence is not None and fence != old["metadata"]["resourceVersion"]:
            raise ApiException(status=409, reason="Conflict")
        new = merged(old, {"status": body.get("status", {})} if status else _without(body, "status"))
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] += 1
        if new == old:
            return old  # the API server writes nothing where nothing changes
        return self._store((kind, namespace, name), new, "status" if status else "patch", body)

    def touch(self, kind: str, namespace: str, name: str) -> None:
        """Somebody else wrote it: another version, nothing of ours."""
        self.version += 1
        self.objects[kind, namespace, name]["metadata"]["resourceVersion"] = str(self.version)
        self._show(kind, self.objects[kind, namespace, name])

    def mark_deleted(self, kind: str, namespace: str, name: str) -> None:
        """As the API server does while a finalizer stands: the object stays, and says since when."""
        meta = self.objects[kind, namespace, name]["metadata"]
        if not meta.get("finalizers"):
            self.delete(kind, namespace, name)
        elif "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = to_rfc3339(utc_now())
            meta["generation"] += 1
            self.touch(kind, namespace, name)

    def is_deleted(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.objects[kind, namespace, name]["metadata"]

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """What it owns goes with it, as the garbage collector would have it."""
        uid = self.get(kind, namespace, name)["metadata"]["uid"]
        del self.objects[kind, namespace, name]
        for key, other in [*self.objects.items()]:
            if any(owner["uid"] == uid for owner in other["metadata"].get("ownerReferences") or ()):
                del self.objects[key]

    def _store(self, key: tuple[str, str, str], new: Json, verb: str, body: Json) -> Json:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = copied(new)
        self.writes.append((verb, key[0], copied(body)))
        self.after_write(len(self.writes))
        self._show(key[0], new)
        return new

    def _show(self, kind: str, body: Json) -> None:
        for watch in self.watches:
            watch(kind, copied(body))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merged(out.get(name), value)
    return out


def copied(value: Any) -> Any:
    """A copy of a JSON value. marshal takes a tenth of the time of code in Python; it knows no enums."""
    try:
        return marshal.loads(marshal.dumps(value, _NOTHING_SHARED))  # noqa: S302  # our own value
    except ValueError:
        if isinstance(value, dict):
            return {name: copied(each) for name, each in value.items()}
        return [copied(each) for each in value] if isinstance(value, list) else value


_NOTHING_SHARED = 2
"""The version of marshal whose copy has each part as often as it is there."""


def selected(raw: Json, field_selector: str) -> bool:
    """One `path=value` or `path!=value`, which is all that the operator asks for."""
    path, _, wanted = field_selector.partition("=")
    negated = path.endswith("!")
    value: Any = raw
    for part in path.removesuffix("!").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return bool((value == wanted) != negated)


def _without(body: Json, field: str) -> Json:
    return {name: value for name, value in body.items() if name != field}


class _Defaults(NamedTuple):
    """What a schema fills in; where it fills in nothing, at any depth, there is no object of this."""

    own: Json
    children: "dict[str, _Defaults]"
    items: "_Defaults | None"


def _defaults(schema: Json) -> _Defaults | None:
    properties = schema.get("properties", {})
    own = {name: child["default"] for name, child in properties.items() if "default" in child}
    below = {name: found for name, child in properties.items() if (found := _defaults(child)) is not None}
    items = _defaults(schema["items"]) if "items" in schema else None
    return _Defaults(own, below, items) if own or below or items is not None else None


def _filled(value: Any, defaults: _Defaults | None) -> Any:
    if defaults is None:
        return value
    if isinstance(value, list):
        return [_filled(item, defaults.items) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {name: copied(default) for name, default in defaults.own.items() if name not in value} | value
    for name, child in defaults.children.items():
        if name in filled:
            filled[name] = _filled(filled[name], child)
    return filled


def defaulted(model: type[Resource], raw: Json) -> Json:
    """With what the CRD's schema fills in; never the status as a whole."""
    defaults = _defaults_of(model)
    return raw | {part: _filled(raw[part], defaults[part]) for part in ("spec", "status") if part in raw}


@cache
def _defaults_of(model: type[Resource]) -> dict[str, _Defaults | None]:
    return {part: _defaults(schema) for part, schema in structural(model)["properties"].items()}


class FakeResources(Generic[R]):
    """Stands for `batteries_crds.kube.client.Resources`."""

    def __init__(self, cluster: Cluster, model: type[R], field_manager: str = "test") -> None:
        self._cluster = cluster
        self._model = model
        self._kind = model.definition.kind

    def read(self, raw: Json) -> R:
        return read_object(self._model, defaulted(self._model, raw))

    async def get(self, namespace: str, name: str) -> R:
        return self.read(self._cluster.get(self._kind, namespace, name))

    async def find(self, namespace: str, name: str) -> R | None:
        with tolerated(NOT_FOUND):
            return await self.get(namespace, name)
        return None

    async def find_dated(self, namespace: str, name: str) -> tuple[R | None, datetime | None]:
        return await self.find(namespace, name), utc_now() + self._cluster.ahead

    async def all(
        self,
        namespace: str | None,
        *,
        field_selector: str | None = None,
        unreadable: Callable[[UnreadableError], None] | None = None,
    ) -> AsyncIterator[R]:
        for kind, where, name in list(self._cluster.objects):
            if kind != self._kind or namespace not in (None, where):
                continue
            raw = self._cluster.get(kind, where, name)
            if field_selector is not None and not selected(raw, field_selector):
                continue
            try:
                found = self.read(raw)
            except UnreadableError as error:
                if unreadable is None:
                    raise
                unreadable(error)
            else:
                yield found

    async def create(self, namespace: str, body: Json) -> R:
        return self.read(self._cluster.create(self._kind, namespace, body))

    async def merge(self, namespace: str, name: str, body: Json) -> R:
        return self.read(self._cluster.patch(self._kind, namespace, name, body))

    async def merge_status(self, namespace: str, name: str, body: Json) -> R:
        return self.read(self._cluster.patch(self._kind, namespace, name, body, status=True))

    async def delete(self, namespace: str, name: str, *, exactly: ObjectMeta | None = None) -> None:
        there = self._cluster.get(self._kind, namespace, name)["metadata"]
        if exactly is not None and (exactly.uid, exactly.resource_version) != (there["uid"], there["resourceVersion"]):
            raise ApiException(status=409, reason="Conflict")
        self._cluster.mark_deleted(self._kind, namespace, name)


class FakeSecrets:
    """Stands for `batteries_crds.kube.secrets.Secrets`, as far as the operator uses it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get(self, namespace: str, name: str) -> StoredSecret:
        return read(self._cluster.get("Secret", namespace, name))

    async def find(self, namespace: str, name: str) -> StoredSecret | None:
        with tolerated(NOT_FOUND):
            return await self.get(namespace, name)
        return None

    async def create(self, namespace: str, name: str, data: dict[str, str], **metadata: Any) -> StoredSecret | None:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        body = {"metadata": {"name": name, **metadata}, "type": "Opaque", "data": encoded}
        with tolerated(CONFLICT):
            return read(self._cluster.create("Secret", namespace, body))
        return None

    async def annotate(self, namespace: str, secret: StoredSecret, annotations: dict[str, str]) -> bool:
        with tolerated(CONFLICT, NOT_FOUND):
            meta = {"resourceVersion": secret.resource_version, "annotations": annotations}
            self._cluster.patch("Secret", namespace, secret.name, {"metadata": meta})
            return True
        return False

    async def take(self, namespace: str, secret: StoredSecret) -> bool:
        with tolerated(NOT_FOUND):
            if read(self._cluster.get("Secret", namespace, secret.name)) == secret:
                self._cluster.delete("Secret", namespace, secret.name)
                return True
        return False
