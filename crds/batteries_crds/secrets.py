"""Secrets, as little as is needed of them: a first password, given once, and the first administrator's key.

All rests on what Kubernetes does at once or not at all: creating a name, and deleting exactly what was read. Not by the
generated `CoreV1Api`: to import it is to import every kind of Kubernetes, 100 MB and more than a second of each start.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException

from batteries_crds.client import CONFLICT, NOT_FOUND, status_of
from batteries_crds.rest import JSON, MERGE_PATCH, Rest, path_of


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A Secret as it was read."""

    name: str
    uid: str
    resource_version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    data: dict[str, str] = field(repr=False)


class Secrets:
    """The Secrets of all namespaces.

    Every method raises `kubernetes.aio.client.ApiException` where Kubernetes refuses otherwise than it says.
    """

    def __init__(self, api: ApiClient, field_manager: str) -> None:
        self._rest = Rest(api)
        self._manager = field_manager

    async def get(self, namespace: str, name: str) -> StoredSecret:
        """The Secret as Kubernetes has it now."""
        return read(await self._rest.json("GET", _path(namespace, name)))

    async def find(self, namespace: str, name: str) -> StoredSecret | None:
        """The Secret, or None where there is none."""
        try:
            return await self.get(namespace, name)
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return None
            raise

    async def create(self, namespace: str, name: str, data: dict[str, str], **metadata: Any) -> StoredSecret | None:
        """Makes it, with `metadata` beside its name; None where there is one of that name already."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, **metadata},
            "type": "Opaque",
            "stringData": data,
        }
        try:
            return read(await self._rest.json("POST", _path(namespace), {"fieldManager": self._manager}, body))
        except ApiException as error:
            if status_of(error) == CONFLICT:
                return None
            raise

    async def annotate(self, namespace: str, name: str, annotations: dict[str, str]) -> bool:
        """Adds annotations; False where it is gone."""
        body, query = {"metadata": {"annotations": annotations}}, {"fieldManager": self._manager}
        try:
            await self._rest.json("PATCH", _path(namespace, name), query, body, MERGE_PATCH)
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return False
            raise
        return True

    async def delete(self, namespace: str, name: str) -> None:
        """Deletes it, if it is there."""
        await self._gone(namespace, name, None)

    async def take(self, namespace: str, secret: StoredSecret) -> bool:
        """Deletes exactly what was read: of any number that read it, one gets True."""
        exactly = {"uid": secret.uid, "resourceVersion": secret.resource_version}
        return await self._gone(namespace, secret.name, {"preconditions": exactly})

    async def _gone(self, namespace: str, name: str, options: dict[str, Any] | None) -> bool:
        try:
            await self._rest.json("DELETE", _path(namespace, name), None, options, JSON)
        except ApiException as error:
            # Without a precondition there is nothing to conflict with.
            if status_of(error) in (CONFLICT, NOT_FOUND):
                return False
            raise
        return True


def _path(namespace: str, *name: str) -> str:
    return path_of("api", "v1", "namespaces", namespace, "secrets", *name)


def read(secret: dict[str, Any]) -> StoredSecret:
    """As Kubernetes has it in JSON."""
    meta = secret["metadata"]
    data = {key: base64.b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}
    return StoredSecret(
        meta["name"],
        meta["uid"],
        meta["resourceVersion"],
        meta.get("labels") or {},
        meta.get("annotations") or {},
        data,
    )
