"""Typed access to our resources: what client-go's clientset is in Go.

A thin layer over `kubernetes.aio`'s connection that returns models instead of dicts. Every write names its field
manager, because server-side apply and `kubectl get --show-managed-fields` show by it who wrote what.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from aiohttp import ClientError, ClientMiddlewareType, ClientResponse
from kubernetes.aio.client import ApiClient, ApiException, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from pydantic import ValidationError

from batteries_crds.kube.rest import APPLY_PATCH, JSON, MERGE_PATCH, Rest, can_be_object_name, path_of
from batteries_crds.names import API_VERSION, GROUP, VERSION
from batteries_crds.resource import ObjectMeta, Resource

R = TypeVar("R", bound=Resource)
T = TypeVar("T")

FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
UNPROCESSABLE = 422

UNANSWERED = (ClientError, OSError, TimeoutError)
"""What a request raises if Kubernetes does not respond. A closed connection is not an OSError in aiohttp."""


class NoClusterError(Exception):
    """There is no Kubernetes API server to talk to; the text says how to name one."""


class UnreadableError(ValueError):
    """The model refuses the object: it is of a later version of the CRD, or was changed by hand."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key} can't be read: {reason}")
        self.key = key
        self.reason = reason


def read_object(model: type[R], raw: dict[str, Any]) -> R:
    """Parses the JSON of an object.

    Raises:
        UnreadableError: it is none that the model knows.
    """
    try:
        return model.model_validate(raw)
    except (ValueError, OverflowError) as error:  # the latter for a time beyond the calendar in UTC
        meta = raw.get("metadata", {})
        key = f"{model.definition.singular} {meta.get('namespace')}/{meta.get('name')}"
        raise UnreadableError(key, _why(error)) from error


def _why(error: Exception) -> str:
    """Which fields are wrong, and how."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))


async def connect(kubeconfig: str | None, *middlewares: ClientMiddlewareType) -> ApiClient:
    """A client for the cluster that `kubeconfig` (a path) names, or for the one in which this process runs.

    Each request passes through the aiohttp client `middlewares`.

    Raises:
        NoClusterError: neither is there, or the file can't be used.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = 200
    # Not from the environment, like kopf: aiohttp would read ~/.netrc for each request, in a thread. A kubeconfig may
    # name a proxy.
    configuration.client_session_kwargs = {"middlewares": middlewares, "trust_env": False}
    try:
        if kubeconfig:
            await load_kube_config(config_file=kubeconfig, client_configuration=configuration)
        else:
            load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        where = f"the kubeconfig {kubeconfig}" if kubeconfig else "this pod's service account"
        raise NoClusterError(
            f"No cluster could be reached by {where}: {error}. Set BATTERIES_KUBECONFIG, or run inside a cluster."
        ) from error
    return ApiClient(configuration)


def status_of(error: ApiException) -> int:
    """The HTTP status of the API server's refusal."""
    return int(error.status or 0)


def said_in(error: ApiException) -> str:
    """The API server's message, such as an admission policy's sentence, or its short reason."""
    try:
        status = json.loads(error.body or "")
    except ValueError:
        return str(error.reason)
    return str((status.get("message") if isinstance(status, dict) else None) or error.reason)


@contextmanager
def tolerated(*statuses: int) -> Iterator[None]:
    """Ignores the API server's refusals with one of these statuses."""
    try:
        yield
    except ApiException as error:
        if status_of(error) not in statuses:
            raise


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and the list's resourceVersion."""

    items: list[T]
    resource_version: str
    next_token: str | None


class Resources(Generic[R]):
    """All objects of one kind, as models.

    Every method raises `kubernetes.aio.client.ApiException` with the API server's message if it refuses, and
    UnreadableError if the model refuses an object: nothing is skipped silently.
    """

    def __init__(self, api: ApiClient, model: type[R], field_manager: str) -> None:
        self._rest = Rest(api)
        self._model = model
        self._manager = field_manager

    def _path(self, namespace: str | None, *rest: str) -> str:
        where = ("namespaces", namespace) if namespace is not None else ()
        return path_of("apis", GROUP, VERSION, *where, self._model.definition.plural, *rest)

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": API_VERSION, "kind": self._model.definition.kind, **body}

    def _read(self, raw: dict[str, Any]) -> R:
        return read_object(self._model, raw)

    async def get(self, namespace: str, name: str) -> R:
        """The object as the API server has it now."""
        return self._read(await self._rest.json("GET", self._path(namespace, name)))

    @property
    def manager(self) -> str:
        """The field manager of its writes."""
        return self._manager

    async def raw(self, namespace: str, name: str) -> dict[str, Any]:
        """As `get`, but as JSON, with the managed fields, which no model has."""
        found: dict[str, Any] = await self._rest.json("GET", self._path(namespace, name))
        return found

    async def find(self, namespace: str, name: str) -> R | None:
        """The object, or None if there is none."""
        if can_be_object_name(name):
            with tolerated(NOT_FOUND):
                return await self.get(namespace, name)
        return None

    async def find_dated(self, namespace: str, name: str) -> tuple[R | None, datetime | None]:
        """As `find`, and the API server's own time when it answered, in whole seconds; None if it does not say."""
        with tolerated(NOT_FOUND):
            raw, at = await self._rest.dated(self._path(namespace, name))
            return self._read(raw), at
        return None, None

    async def page(
        self,
        namespace: str | None,
        *,
        field_selector: str | None = None,
        token: str | None = None,
        limit: int = 100,
    ) -> Page[R]:
        """One page of the objects of a namespace, or of all namespaces where `namespace` is None."""
        page = await self.raw_page(namespace, field_selector=field_selector, token=token, limit=limit)
        return Page([self._read(item) for item in page.items], page.resource_version, page.next_token)

    async def raw_page(
        self,
        namespace: str | None,
        *,
        field_selector: str | None = None,
        token: str | None = None,
        limit: int = 100,
    ) -> Page[dict[str, Any]]:
        """As `page`, but as JSON: for callers that can skip an object that can't be read."""
        query = {"fieldSelector": field_selector, "continue": token, "limit": str(limit)}
        body = await self._rest.json("GET", self._path(namespace), query)
        meta = body["metadata"]
        return Page(body["items"], meta["resourceVersion"], meta.get("continue") or None)

    async def all(
        self,
        namespace: str | None,
        *,
        field_selector: str | None = None,
        unreadable: Callable[[UnreadableError], None] | None = None,
    ) -> AsyncIterator[R]:
        """Every object, page by page. Calls `unreadable`, if given, for objects that can't be read; else it raises."""
        token: str | None = None
        while True:
            page = await self.raw_page(namespace, field_selector=field_selector, token=token)
            for raw in page.items:
                try:
                    item = self._read(raw)
                except UnreadableError as error:
                    if unreadable is None:
                        raise
                    unreadable(error)
                else:
                    yield item
            token = page.next_token
            if token is None:
                return

    async def create(self, namespace: str, body: dict[str, Any]) -> R:
        """Creates it or fails: 409 if the name is taken, which makes a deterministic name a lock."""
        query = {"fieldManager": self._manager}
        return self._read(await self._rest.json("POST", self._path(namespace), query, self._whole(body), JSON))

    async def merge(self, namespace: str, name: str, body: dict[str, Any]) -> R:
        """A JSON merge patch; a resourceVersion in its metadata is the fence (409 if it is not the current one)."""
        return await self._patch(self._path(namespace, name), body, MERGE_PATCH)

    async def merge_status(self, namespace: str, name: str, body: dict[str, Any]) -> R:
        """As `merge`, on the status subresource."""
        return await self._patch(self._path(namespace, name, "status"), body, MERGE_PATCH)

    async def apply(self, namespace: str, name: str, body: dict[str, Any], *, force: bool = False) -> R:
        """Server-side apply: 409 if another manager owns a field with another value; `force` takes it over."""
        whole = self._whole(body)
        whole["metadata"] = {"name": name, **whole.get("metadata", {})}
        # Else Kubernetes parses the body again to warn about unknown fields, and nobody would read the warnings.
        query = {"fieldValidation": "Ignore", **({"force": "true"} if force else {})}
        return await self._patch(self._path(namespace, name), whole, APPLY_PATCH, **query)

    async def _patch(self, path: str, body: dict[str, Any], content_type: str, **query: str) -> R:
        query["fieldManager"] = self._manager
        return self._read(await self._rest.json("PATCH", path, query, body, content_type))

    async def delete(self, namespace: str, name: str, *, exactly: ObjectMeta | None = None) -> None:
        """Marks it deleted; its finalizers decide when it is gone. 409 if it is not `exactly` that version of it."""
        body = None
        if exactly is not None:
            body = {"preconditions": {"uid": exactly.uid, "resourceVersion": exactly.resource_version}}
        await self._rest.json("DELETE", self._path(namespace, name), body=body)

    async def watch_from(self, namespace: str | None, resource_version: str, *, seconds: int) -> ClientResponse:
        """Opens a watch from that version on, with bookmarks: an `aiohttp` response whose lines are events."""
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        return await self._rest.opened("GET", self._path(namespace), query, timeout=seconds + 30.0)
