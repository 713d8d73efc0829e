"""The ids that we give: of an object, and of what is to have one name for ever."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from batteries_crds.resource import Resource

_NAMESPACE = UUID("6d0ae8a4-5a5f-5ad8-9f4b-5a7bb0a9f1c1")
"""Ours alone, so that UUIDs derived here meet no one else's. Never change it: account ids follow from it."""


_FORM = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether it is an id as we write them: in lower case, with its hyphens."""
    return _FORM.fullmatch(text) is not None


def derived_uuid(text: str) -> UUID:
    """The UUIDv5 of `text` in our namespace: the same for ever, so a name derived from it is a lock."""
    return uuid5(_NAMESPACE, text)


def uuid_of(resource: Resource) -> UUID:
    """Its id: the object's name where that is a UUID (the API names them so), else derived from its key."""
    return uuid_at(resource.metadata.namespace, resource.metadata.name)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Which object: all that may be said of one whose spec and status are not at hand."""

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
