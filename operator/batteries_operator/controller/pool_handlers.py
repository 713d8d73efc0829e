"""kopf's handlers of pools, which are filled, and of their members, which are reconciled as accounts are."""

from collections.abc import Callable
from typing import Any

import kopf
import structlog

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import UnreadableError, read_object
from batteries_crds.names import GROUP, VERSION
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller import work_handlers
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.event_handler import WatchedWork
from batteries_operator.controller.kopf_bodies import slim
from batteries_operator.controller.kube_events import EventsBeside, post_raw_event
from batteries_operator.controller.pool_work import PoolWork
from batteries_operator.controller.unreadable import Unreadable
from batteries_operator.pool.index import PoolKey

POOLS = (GROUP, VERSION, AccountPool.definition.plural)
MEMBERS = (GROUP, VERSION, PooledAccount.definition.plural)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


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

    work_handlers.add(handlers, MEMBERS, members, work, unreadable)


def add_pools(handlers: kopf.OperatorRegistry, work: PoolWork, beside: EventsBeside) -> None:
    """Adds the handlers of AccountPools."""

    @kopf.on.event(*POOLS, registry=handlers)
    async def pool_changed(uid: str, body: kopf.Body, type: str | None, **_: Any) -> None:  # noqa: A002  # kopf's name
        """Handles each watch event."""
        beside.handling()
        key = PoolKey(body.metadata["namespace"], body.metadata["name"])
        if type == "DELETED":
            work.index.forget(uid)
            work.pools.pool_gone(key)
            return
        try:
            pool = read_object(AccountPool, dict(body))
        except UnreadableError as error:
            log.warning("object_unreadable", detail=str(error), meaning="The pool is not filled; its members stay.")
            work.pools.pool_gone(key)
        else:
            work.pools.pool_seen(pool)

    @kopf.on.delete(*POOLS, registry=handlers, id="delete", backoff=30)
    async def end(body: kopf.Body, **_: Any) -> None:
        """Deletes the members that nobody has; kopf keeps the finalizer until this returns."""
        await work.ending.release(ObjectRef.in_meta(body.metadata))
