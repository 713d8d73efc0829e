"""Writes what an owner wants for its own account: suspended, closed, or neither.

spec.suspendedByOwner and spec.closeAt are applied server-side, each with its own field manager, so that no write
releases the other field. Every write contains the uid, and the resourceVersion of the object that it decided from: of
two requests at the same moment, one decides again from what the other wrote. So a second DELETE finds the first one's
date.
"""

from datetime import timedelta

import structlog

from batteries_apiserver.accounts.decided_writes import Json, decided, fenced
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import FIELD_MANAGER, OWN_MANAGERS, Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import Resources

log = structlog.get_logger(__name__)


async def close(kube: Kube, found: AwsAccount, quarantine: timedelta) -> tuple[AwsAccount, bool]:
    """Sets spec.closeAt to the end of the quarantine; a time that is set stays. Returns the account, and whether it was
    written now.

    Raises:
        Conflict: the account is declared elsewhere, or is being deleted, or others change it all the time.
        NotFound: the account was deleted.
    """

    async def once(live: Json, account: AwsAccount) -> AwsAccount | None:
        if account.spec.close_at is not None or account.is_closed:
            return None
        # Who declares the account would go on declaring it: git has to end that first.
        server_side_apply.refuse_declared(live, {"customerRef", "closeAt"}, OWN_MANAGERS | {FIELD_MANAGER})
        return await _apply(kube.closures, live, {"closeAt": to_rfc3339(utc_now() + quarantine)})

    account, before = await decided(kube, found, once)
    if before is not None:
        log.info("closure_requested", account=str(account.account_id))
    return account, before is not None


async def suspend(kube: Kube, found: AwsAccount) -> tuple[AwsAccount, bool]:
    """Sets spec.suspendedByOwner. Returns the account, and whether it was written now.

    Raises:
        As `close`.
    """

    async def once(live: Json, account: AwsAccount) -> AwsAccount | None:
        if account.spec.suspended_by_owner:
            return None
        return await _apply(kube.own_suspensions, live, {"suspendedByOwner": True})

    account, before = await decided(kube, found, once)
    if before is not None:
        log.info("own_suspension", account=str(account.account_id), suspended=True)
    return account, before is not None


async def resume(kube: Kube, found: AwsAccount) -> tuple[AwsAccount, AwsAccount | None]:
    """Takes back both, also after the account was closed. Returns the account, and what it was before if it was
    written now.

    Raises:
        As `close`.
    """

    async def once(live: Json, account: AwsAccount) -> AwsAccount | None:
        spec = account.spec
        if spec.close_at is None and not spec.suspended_by_owner:
            return None
        wanted = {name for name in ("closeAt", "suspendedByOwner") if live["spec"].get(name)}
        server_side_apply.refuse_declared(live, wanted, OWN_MANAGERS)
        # A merge takes a field away whoever set it once; an apply would only give up our part of it.
        body = fenced(live, dict.fromkeys(wanted))
        return await kube.own_suspensions.merge(live["metadata"]["namespace"], live["metadata"]["name"], body)

    account, before = await decided(kube, found, once)
    if before is not None:
        log.info("own_suspension", account=str(account.account_id), suspended=False)
    return account, before


async def _apply(manager: Resources[AwsAccount], live: Json, spec: Json) -> AwsAccount:
    meta = live["metadata"]
    return await server_side_apply.apply(manager, meta["namespace"], meta["name"], fenced(live, spec))
