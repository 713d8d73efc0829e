"""Posts Kubernetes Events by kopf's queue, from kopf's handlers and from what runs beside them."""

from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Any, cast

import kopf

from batteries_crds.customer import Customer
from batteries_crds.resource import Resource
from batteries_operator.status.events import Event


def post_event(about: Resource, event_type: str, reason: str, message: str) -> None:
    """Posts an Event on the object; from kopf's handlers and daemons, and the tasks that they start, only."""
    kopf.event(kopf.Body(cast(kopf.RawBody, about.to_wire())), type=event_type, reason=reason, message=message)


def warn(reason: str, customer: Customer, message: str) -> None:
    """Posts a Warning on the Customer; from the same places."""
    body = kopf.Body(cast(kopf.RawBody, customer.to_wire()))
    kopf.event(body, type="Warning", reason=reason, message=message)


def post_raw_event(body: Mapping[str, Any], told: Event) -> None:
    """Posts an Event on an object of which only the JSON is known; from the same places."""
    kopf.event(kopf.Body(cast(kopf.RawBody, dict(body))), type=told.type, reason=told.reason, message=told.message)


class EventsBeside:
    """Posts Events from tasks that started with the operator.

    kopf keeps its queue of Events in context variables, which it sets for the handling of an object, and not for
    startup: `kopf.event` raises LookupError there.
    """

    def __init__(self) -> None:
        self._context: Context | None = None

    def handling(self) -> None:
        """To be called in a handler of an object, before anything is posted about an object."""
        if self._context is None:
            self._context = copy_context()

    def post(self, about: Resource, event_type: str, reason: str, message: str) -> None:
        """Posts an Event on the object, from anywhere in the event loop."""
        context = self._context if self._context is not None else copy_context()
        context.run(post_event, about, event_type, reason, message)
