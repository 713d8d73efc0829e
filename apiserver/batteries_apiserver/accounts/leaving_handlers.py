"""DELETE /v1/accounts/{id}, and its suspend and resume: what an owner does with its own account to leave or to pause.

Leaving and pausing are always possible, for blocked and unpaid customers too, because they only take away. Opening is
not: whatever else suspends the account stays, and the answer names who lifts it.
"""

from datetime import timedelta

from aiohttp import web

from batteries_apiserver.accounts import leaving
from batteries_apiserver.accounts.handlers import about
from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.prefer_wait import wait_as_preferred
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, changed_by
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_apiserver.kube.object_events import tell_once
from batteries_apiserver.projections import leaving_views, suspension_reasons
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339
from batteries_crds.notification import NotificationKind


async def close(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /v1/accounts/{id}."""
    kube, found = await _found(request, caller)
    quarantine = timedelta(seconds=request.app[SETTINGS].delete_quarantine_seconds)
    account, written = await leaving.close(kube, found, quarantine)
    at = account.spec.close_at
    if written and at is not None:
        await _tell(request, caller, account, NotificationKind.CLOSURE_REQUESTED, to_rfc3339(at))
        by = changed_by(caller)
        await tell_once(kube.rest, account, "ClosureRequested", f"Asked {by} to close the account at {to_rfc3339(at)}.")
    return await _accepted(request, account)


async def suspend(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts/{id}/suspend."""
    kube, found = await _found(request, caller)
    account, written = await leaving.suspend(kube, found)
    if written:
        await tell_once(kube.rest, account, "SuspendedByOwner", f"Suspended {changed_by(caller)}.")
    return await _accepted(request, account)


async def resume(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts/{id}/resume: lifts the owner's own suspension, and takes a closure back."""
    kube, found = await _found(request, caller)
    account, before = await leaving.resume(kube, found)
    if before is not None:
        at = before.spec.close_at
        if at is not None and not account.is_closed:
            await _tell(request, caller, account, NotificationKind.CLOSURE_TAKEN_BACK, to_rfc3339(at))
        await tell_once(kube.rest, account, "ResumedByOwner", f"Resumed {changed_by(caller)}.")
    if account.is_closed:
        raise Conflict("account_closed", leaving_views.how_to_reopen(account))
    if account.is_suspended:
        raise Conflict(
            "account_held",
            f"Your own part is lifted, but this account stays suspended: {suspension_reasons.sentence(account)}.",
        )
    return await _accepted(request, account)


async def _found(request: web.Request, caller: Caller) -> tuple[Kube, AwsAccount]:
    kube = request.app[KUBE]
    return kube, await own_account(kube, customer_of(caller), request.match_info["id"])


async def _tell(request: web.Request, caller: Caller, account: AwsAccount, kind: NotificationKind, at: str) -> None:
    await request.app[NOTIFICATIONS].notify(
        kind,
        customer_of(caller),
        account.metadata.uid,
        at,
        str(account.metadata.generation),
        closes_at=at,
        by=changed_by(caller),
        **about(account),
    )


async def _accepted(request: web.Request, account: AwsAccount) -> web.Response:
    account, headers = await wait_as_preferred(request, account)
    return json_response(leaving_views.leaving(account), status=202, headers=headers)
