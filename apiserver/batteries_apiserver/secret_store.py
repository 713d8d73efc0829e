"""Secrets, as little as is needed of them: a first password taken once, and the first administrator's key kept.

Both rest on what Kubernetes does at once or not at all: creating a name, and deleting exactly what was read.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CoreV1Api, V1DeleteOptions, V1Preconditions, V1Secret

from batteries_crds.client import CONFLICT, NOT_FOUND, status_of


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A Secret as it was read."""

    name: str
    uid: str
    resource_version: str
    labels: dict[str, str]
    data: dict[str, str] = field(repr=False)


class Secrets:
    """The Secrets of one namespace.

    Every method raises `kubernetes.aio.client.ApiException` where Kubernetes refuses otherwise than it says.
    """

    def __init__(self, api: ApiClient, namespace: str, field_manager: str) -> None:
        self._core = CoreV1Api(api)
        self._namespace = namespace
        self._manager = field_manager

    async def find(self, name: str) -> StoredSecret | None:
        """The Secret, or None where there is none."""
        try:
            return _read(await self._core.read_namespaced_secret(name, self._namespace))
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return None
            raise

    async def create(self, name: str, data: dict[str, str]) -> StoredSecret | None:
        """Makes it; None where there is one of that name already."""
        # A plain object is what the API takes; the stubs know the generated model only.
        body: Any = {"metadata": {"name": name}, "type": "Opaque", "stringData": data}
        try:
            return _read(await self._core.create_namespaced_secret(self._namespace, body, field_manager=self._manager))
        except ApiException as error:
            if status_of(error) == CONFLICT:
                return None
            raise

    async def take(self, secret: StoredSecret) -> bool:
        """Deletes exactly what was read: of any number that read it, one gets True."""
        exactly = V1Preconditions(uid=secret.uid, resource_version=secret.resource_version)
        try:
            await self._core.delete_namespaced_secret(
                secret.name, self._namespace, body=V1DeleteOptions(preconditions=exactly)
            )
        except ApiException as error:
            if status_of(error) in (CONFLICT, NOT_FOUND):
                return False
            raise
        return True


def _read(secret: V1Secret) -> StoredSecret:
    meta = secret.metadata
    assert meta is not None  # Kubernetes' answers have it
    data = {name: base64.b64decode(value).decode(errors="replace") for name, value in (secret.data or {}).items()}
    return StoredSecret(str(meta.name), str(meta.uid), str(meta.resource_version), dict(meta.labels or {}), data)
