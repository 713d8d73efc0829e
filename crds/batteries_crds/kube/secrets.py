"""The few operations on Secrets that are needed: first passwords, the first administrator's key, the issuer's keys.

All of it relies on what Kubernetes does atomically: creating a name, and deleting exactly what was read. Not with the
generated `CoreV1Api`: importing it imports every kind of Kubernetes, 100 MB and more than a second of each start.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio.client import ApiClient

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, tolerated
from batteries_crds.kube.rest import MERGE_PATCH, Rest, can_be_object_name, path_of
from batteries_crds.names import LABEL_ACCOUNT_ID
from batteries_crds.resource import OwnerReference


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A Secret as it was read."""

    name: str
    uid: str
    resource_version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    data: dict[str, str] = field(repr=False)
    type: str = "Opaque"
    owners: tuple[OwnerReference, ...] = ()

    def holds_password_of(self, account: AwsAccount) -> bool:
        """Whether the operator made it for this very account: by its owner's uid, its label and its type.

        Its name proves nothing: anybody may have created a Secret with that name before, or for a deleted account.
        """
        owned = any(
            owner.uid == account.metadata.uid and owner.kind == account.definition.kind for owner in self.owners
        )
        labelled = self.labels.get(LABEL_ACCOUNT_ID) == str(account.account_id)
        return bool(account.metadata.uid) and owned and labelled and self.type == "Opaque"


class Secrets:
    """The Secrets of all namespaces.

    Every method raises `kubernetes.aio.client.ApiException` for refusals that it does not document.
    """

    def __init__(self, api: ApiClient, field_manager: str) -> None:
        self._rest = Rest(api)
        self._manager = field_manager

    async def get(self, namespace: str, name: str) -> StoredSecret:
        """The Secret as Kubernetes has it now."""
        return read(await self._rest.json("GET", _path(namespace, name)))

    async def find(self, namespace: str, name: str) -> StoredSecret | None:
        """The Secret, or None if there is none."""
        if can_be_object_name(name):
            with tolerated(NOT_FOUND):
                return await self.get(namespace, name)
        return None

    async def create(self, namespace: str, name: str, data: dict[str, str], **metadata: Any) -> StoredSecret | None:
        """Creates it, with `metadata` besides its name; None if the name is taken."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, **metadata},
            "type": "Opaque",
            "stringData": data,
        }
        with tolerated(CONFLICT):
            return read(await self._rest.json("POST", _path(namespace), {"fieldManager": self._manager}, body))
        return None

    async def annotate(self, namespace: str, secret: StoredSecret, annotations: dict[str, str]) -> bool:
        """Adds annotations to the version that was read; returns False if it was deleted or changed meanwhile."""
        exactly = {"uid": secret.uid, "resourceVersion": secret.resource_version}
        body, query = {"metadata": {**exactly, "annotations": annotations}}, {"fieldManager": self._manager}
        with tolerated(CONFLICT, NOT_FOUND):
            await self._rest.json("PATCH", _path(namespace, secret.name), query, body, MERGE_PATCH)
            return True
        return False

    async def write(self, namespace: str, secret: StoredSecret, data: dict[str, str]) -> StoredSecret | None:
        """Sets these fields in the version that was read; None if it was deleted or changed meanwhile."""
        exactly = {"uid": secret.uid, "resourceVersion": secret.resource_version}
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        body, query = {"metadata": exactly, "data": encoded}, {"fieldManager": self._manager}
        with tolerated(CONFLICT, NOT_FOUND):
            return read(await self._rest.json("PATCH", _path(namespace, secret.name), query, body, MERGE_PATCH))
        return None

    async def take(self, namespace: str, secret: StoredSecret) -> bool:
        """Deletes the version that was read: of any number of callers that read it, only one gets True."""
        exactly = {"uid": secret.uid, "resourceVersion": secret.resource_version}
        with tolerated(CONFLICT, NOT_FOUND):
            await self._rest.json("DELETE", _path(namespace, secret.name), body={"preconditions": exactly})
            return True
        return False


def _path(namespace: str, *name: str) -> str:
    return path_of("api", "v1", "namespaces", namespace, "secrets", *name)


def read(secret: dict[str, Any]) -> StoredSecret:
    """Its JSON in Kubernetes."""
    meta = secret["metadata"]
    data = {key: base64.b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}
    return StoredSecret(
        meta["name"],
        meta["uid"],
        meta["resourceVersion"],
        meta.get("labels") or {},
        meta.get("annotations") or {},
        data,
        secret.get("type") or "Opaque",
        tuple(OwnerReference.model_validate(owner) for owner in meta.get("ownerReferences") or ()),
    )
