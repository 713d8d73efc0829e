"""Writes what an owner wants for its own account: suspended, closed, or neither.

spec.suspendedByOwner and spec.closeAt are applied server-side, each with its own field manager, so that no write
releases the other field. Every write contains the uid, and the resourceVersion of the object that it decided from: of
two requests at the same moment, one decides again from what the other wrote. So a second DELETE finds the first one's
date.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.accounts.ownership import refusal_of
from batteries_apiserver.http.errors import Conflict, NotFound
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import FIELD_MANAGER, OWN_MANAGERS, Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, Resources, read_object, status_of

log = structlog.get_logger(__name__)

_ATTEMPTS = 5

Json = dict[str, Any]


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

    account, before = await _decided(kube, found, once)
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

    account, before = await _decided(kube, found, once)
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
        body = _fenced(live, dict.fromkeys(wanted))
        return await kube.own_suspensions.merge(live["metadata"]["namespace"], live["metadata"]["name"], body)

    account, before = await _decided(kube, found, once)
    if before is not None:
        log.info("own_suspension", account=str(account.account_id), suspended=False)
    return account, before


async def _decided(
    kube: Kube, found: AwsAccount, once: Callable[[Json, AwsAccount], Awaitable[AwsAccount | None]]
) -> tuple[AwsAccount, AwsAccount | None]:
    """Reads the account live, lets `once` decide and write (None: nothing to write), and again if somebody else wrote
    in between. Returns the account, and what it was before, if it was written.
    """
    meta = found.metadata
    for _ in range(_ATTEMPTS):
        try:
            live = await kube.accounts.raw(meta.namespace, meta.name)
            account = read_object(AwsAccount, live)
            if account.metadata.uid != meta.uid:
                raise NotFound("account_not_found", "This account was deleted.")
            if account.is_deleted:
                raise Conflict(
                    "account_being_deleted", "This account is being deleted already, so this changes nothing any more."
                )
            written = await once(live, account)
        except ApiException as error:
            if status_of(error) == CONFLICT:
                continue
            if status_of(error) == NOT_FOUND:
                raise NotFound("account_not_found", "This account was deleted.") from error
            raise refusal_of(error) or error from error
        kube.caches.accounts.put(written or account)
        return (account, None) if written is None else (written, account)
    raise Conflict("changed_meanwhile", "This account was changed at the same moment. Send the same request again.")


async def _apply(manager: Resources[AwsAccount], live: Json, spec: Json) -> AwsAccount:
    meta = live["metadata"]
    return await server_side_apply.apply(manager, meta["namespace"], meta["name"], _fenced(live, spec))


def _fenced(live: Json, spec: Json) -> Json:
    """The body of a write that applies to the object as it was read, and to no other."""
    meta = live["metadata"]
    return {"metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}, "spec": spec}
