"""The base of all resources: metadata, and what their CRD says beyond the schema."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.names import ANNOTATION_RETRY, API_VERSION, RETRY_LENGTH


class OwnerReference(Model):
    """The object that owns this one, for garbage collection."""

    api_version: str
    kind: str
    name: str
    uid: str


class ObjectMeta(Model):
    """The part of `metav1.ObjectMeta` that we read."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []

    @property
    def version(self) -> int:
        """The object's place in the order of writes; versions of one kind can be compared since Kubernetes 1.35."""
        return int(self.resource_version or 0)


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column; `wide` ones show with `kubectl get -o wide` only."""

    name: str
    json_path: str
    type: str = "string"
    description: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """The parts of a CRD besides its schema."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    categories: tuple[str, ...] = field(default=("batteries",))

    @property
    def singular(self) -> str:
        """The singular name for `kubectl get`."""
        return self.kind.lower()


class Resource(Model):
    """A custom resource. Subclasses add `spec` and `status` and set their `definition`."""

    definition: ClassVar[Definition]

    api_version: Annotated[str, Field()] = API_VERSION
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()

    @property
    def key(self) -> str:
        """`namespace/name`, for people and logs."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def retry(self) -> str | None:
        """The value of its retry annotation: a new value requests one more try of what has failed."""
        value = self.metadata.annotations.get(ANNOTATION_RETRY)
        return None if value is None else value[:RETRY_LENGTH]

    def reference(self) -> dict[str, Any]:
        """An owner reference to this object."""
        meta = self.metadata
        kind = self.definition.kind
        return {"apiVersion": API_VERSION, "kind": kind, "name": meta.name, "uid": meta.uid}
