"""Kubernetes Events about our objects, as `kubectl describe` shows them: one Event for many occurrences, with a count.

Written as `core/v1`, which every version of Kubernetes and kubectl reads.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.kube.client import NOT_FOUND, UNANSWERED, tolerated
from batteries_crds.kube.rest import JSON, MERGE_PATCH, Rest, path_of
from batteries_crds.names import API_VERSION
from batteries_crds.resource import Resource

log = structlog.get_logger(__name__)

COMPONENT = "batteries-apiserver"

_ABOUT = 200
"""The longest part of an Event's name that is the object's; names have 253 characters."""

_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Occurrences:
    """What happened to an object, how often, and when first and last."""

    reason: str
    message: str
    count: int
    first: datetime
    last: datetime

    def wire(self) -> dict[str, Any]:
        """The fields that change as it happens again."""
        last = to_rfc3339(self.last.replace(microsecond=0))
        return {"message": self.message, "count": self.count, "lastTimestamp": last}


class ObjectEvents:
    """Writes Events. Its methods raise `kubernetes.aio.client.ApiException` if Kubernetes refuses."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def create(self, about: Resource, name: str, what: Occurrences) -> None:
        """Creates a normal Event about the object, under a name that no other Event of the namespace has."""
        meta, definition = about.metadata, about.definition
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": meta.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": definition.kind,
                "namespace": meta.namespace,
                "name": meta.name,
                "uid": meta.uid,
            },
            "type": "Normal",
            "reason": what.reason,
            "firstTimestamp": to_rfc3339(what.first.replace(microsecond=0)),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            **what.wire(),
        }
        await self._rest.json("POST", _path(meta.namespace), {"fieldManager": COMPONENT}, body, JSON)

    async def again(self, namespace: str, name: str, what: Occurrences) -> bool:
        """Updates the Event; False if it is gone, as Events go after an hour."""
        with tolerated(NOT_FOUND):
            query = {"fieldManager": COMPONENT}
            await self._rest.json("PATCH", _path(namespace, name), query, what.wire(), MERGE_PATCH)
            return True
        return False


async def tell_once(rest: Rest, about: Resource, reason: str, message: str) -> None:
    """Posts a normal Event about something that happened just now. No request fails or waits long without it."""
    now = utc_now_exactly()
    name = f"{about.metadata.name[:_ABOUT]}.{secrets.token_hex(8)}"
    try:
        async with asyncio.timeout(_SECONDS):
            await ObjectEvents(rest).create(about, name, Occurrences(reason, message, 1, now, now))
    except ApiException as error:
        log.warning("event_not_written", reason=reason, object=about.metadata.name, status=error.status)
    except UNANSWERED as error:
        log.warning("event_not_written", reason=reason, object=about.metadata.name, error=type(error).__name__)


def _path(namespace: str, *name: str) -> str:
    return path_of("api", "v1", "namespaces", namespace, "events", *name)
