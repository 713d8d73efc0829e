"""kopf's handlers that have an object reconciled: the same for AwsAccounts and for the members of pools.

Level-based: an object has a daemon only while its spec is not observed or a step is pending. So settled ones cost no
task, and a restart does nothing for them. kopf ends a daemon when the filter stops matching and starts another when it
matches again. The deletion handler keeps our finalizer on every object.
"""

from typing import Any

import kopf

from batteries_crds.identity import ObjectRef
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.event_handler import WatchedWork
from batteries_operator.controller.unreadable import Unreadable

Resource = tuple[str, str, str]
"""Group, version and plural."""


def add(
    handlers: kopf.OperatorRegistry,
    resource: Resource,
    controller: Controller,
    work: WatchedWork,
    unreadable: Unreadable,
) -> None:
    """Adds the handlers of that resource: `controller` reconciles what is pending in `work`, and lets go of what is
    deleted; of an `unreadable` one only an Event is posted.
    """

    def out_of_date(uid: str, **_: Any) -> bool:
        """Whether the object needs a reconcile."""
        return work.is_pending(uid)

    @kopf.daemon(*resource, registry=handlers, id="provision", when=out_of_date, cancellation_timeout=30, backoff=5)
    async def provision(body: kopf.Body, stopped: kopf.DaemonStopped, **_: Any) -> None:
        """Reconciles the object while a step is pending."""
        await controller.drive(ObjectRef.in_meta(body.metadata), stopped)

    @kopf.on.delete(*resource, registry=handlers, id="delete", backoff=30)
    async def deleted(body: kopf.Body, **_: Any) -> None:
        """Does what the deletion policy says; kopf keeps the finalizer until this returns."""
        if body.metadata["uid"] in unreadable:  # nothing else can be told from a body that was slimmed
            unreadable.post_released(body)
        else:
            await controller.release(ObjectRef.in_meta(body.metadata))
