"""The ids that we assign: of an object, and of anything that needs a permanent name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from batteries_crds.resource import Resource

_NAMESPACE = UUID("6d0ae8a4-5a5f-5ad8-9f4b-5a7bb0a9f1c1")
"""Used only by us, so that UUIDs derived here collide with no others. Never change it: account ids depend on it."""


_FORM = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether the text is an id in our form: lower case, with hyphens."""
    return _FORM.fullmatch(text) is not None


def derived_uuid(text: str) -> UUID:
    """The UUIDv5 of `text` in our namespace: always the same, so a name derived from it is a lock."""
    return uuid5(_NAMESPACE, text)


def uuid_of(resource: Resource) -> UUID:
    """Its id: the object's name if that is a UUID (the API names objects so), otherwise derived from its key."""
    return uuid_at(resource.metadata.namespace, resource.metadata.name)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A reference to an object, without its spec and status."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, resource: Resource) -> "ObjectRef":
        """The reference to an object that was read."""
        meta = resource.metadata
        return cls(meta.namespace, meta.name, meta.uid)

    @classmethod
    def in_meta(cls, meta: Mapping[str, Any]) -> "ObjectRef":
        """The reference to the object that has this `metadata` on the wire."""
        return cls(meta["namespace"], meta["name"], meta["uid"])

    @property
    def key(self) -> str:
        """`namespace/name`, for people and logs."""
        return f"{self.namespace}/{self.name}"

    @property
    def id(self) -> UUID:
        """Our id of it."""
        return uuid_at(self.namespace, self.name)


def uuid_at(namespace: str, name: str) -> UUID:
    """The id of the object of that name."""
    try:
        named = UUID(name)
    except ValueError:
        return derived_uuid(f"{namespace}/{name}")
    return named if str(named) == name else derived_uuid(f"{namespace}/{name}")
