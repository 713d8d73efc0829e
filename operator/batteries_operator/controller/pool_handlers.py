"""kopf's handlers of pools: the members are reconciled as accounts are, and let go as their policy says."""

from collections.abc import Callable
from typing import Any

import kopf

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.names import GROUP, VERSION
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.event_handler import WatchedWork
from batteries_operator.controller.kopf_bodies import slim
from batteries_operator.controller.kube_events import post_raw_event
from batteries_operator.controller.unreadable import Unreadable

MEMBERS = (GROUP, VERSION, PooledAccount.definition.plural)


def add(handlers: kopf.OperatorRegistry, members: Controller, *others: Callable[[AwsAccount], None]) -> None:
    """Adds the handlers of PooledAccounts; each of `others` is called with every member that an event shows."""
    registries = members.deps.registries
    work = WatchedWork(members, *others)
    unreadable = registries.while_it_exists(Unreadable(post_raw_event, PooledAccount))

    @kopf.on.event(*MEMBERS, registry=handlers)
    async def member_changed(uid: str, body: kopf.Body, type: str | None, **_: Any) -> None:  # noqa: A002  # kopf's name
        """Handles each watch event; kopf calls this before its other handlers."""
        if type == "DELETED":
            registries.forget(uid)
            return
        member = unreadable.read(body)
        if member is None:
            registries.forget(uid, keep=unreadable)
        else:
            work.seen(member)
            slim(body)

    def out_of_date(uid: str, **_: Any) -> bool:
        """Whether the member needs a reconcile."""
        return work.is_pending(uid)

    @kopf.daemon(*MEMBERS, registry=handlers, id="provision", when=out_of_date, cancellation_timeout=30, backoff=5)
    async def prepare(body: kopf.Body, stopped: kopf.DaemonStopped, **_: Any) -> None:
        """Reconciles the member while a step is pending."""
        await members.drive(ObjectRef.in_meta(body.metadata), stopped)

    @kopf.on.delete(*MEMBERS, registry=handlers, id="delete", backoff=30)
    async def let_go(body: kopf.Body, **_: Any) -> None:
        """Does what the deletion policy says; kopf keeps the finalizer until this returns."""
        if body.metadata["uid"] in unreadable:  # nothing else can be told from a body that was slimmed
            unreadable.post_released(body)
        else:
            await members.release(ObjectRef.in_meta(body.metadata))
