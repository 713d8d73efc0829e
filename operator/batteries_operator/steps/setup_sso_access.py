"""setup_sso_access: the owner's user in Identity Center, and its assignment to the account.

The assignment is asynchronous, and AWS limits the outstanding ones of the whole organization. So it starts when there
is a slot, its request id is recorded, and later reconciles poll it.
"""

from dataclasses import replace

from batteries_crds.conditions import is_true
from batteries_crds.names import ConditionType
from batteries_crds.reasons import Reason
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.runtime.watchdog import both
from batteries_operator.steps import seal
from batteries_operator.steps.outcome import Done, Outcome, Wait, Waive
from batteries_operator.steps.owners_user import owners_user
from batteries_operator.steps.sso_access import SsoAccess
from batteries_operator.steps.step import Scope

LINE_SECONDS = 600
"""Queued accounts are woken; this is only the safety net."""

RETRY_SECONDS = 30

FORGET = {"sso_assignment_request_id": None, "sso_revocation_request_id": None}


async def run(scope: Scope) -> Outcome:
    """Done once Identity Center lists the assignment."""
    account, deps = scope.account, scope.deps
    center, uid = deps.aws.identity_center, account.metadata.uid
    owned, owner = await scope.owned_account(), scope.owner
    deps.assignment_duration.polled(uid)
    revocation_id = account.status.sso_revocation_request_id
    if revocation_id is not None and await _still_revoking(scope, revocation_id):
        # AWS lists the assignment until it is removed: the list does not say yet what will be.
        return Wait.polling(None, Reason.REVOKING_ACCESS, "Waiting for the end of a revocation that is under way.")
    request_id = account.status.sso_assignment_request_id
    access = await (_access(scope, owned, owner) if request_id is None else _polled(scope, owned, owner, request_id))
    if not isinstance(access, SsoAccess):
        return access
    if access.is_assigned:
        deps.assignments.release(uid)
        deps.assignment_duration.ended(uid)
        return await _done(scope, access.user_name, access.user_id)
    if request_id is not None:
        # The next list shows it; if not, somebody removed it meanwhile, and it is requested again.
        return Wait.polling(
            None, Reason.ASSIGNING_ACCESS, "Identity Center is done; waiting to see the assignment.", facts=FORGET
        )
    if not await _is_closed_or_guarded(scope, access):
        return Wait.polling(None, Reason.ASSIGNING_ACCESS, "Access is assigned once the account is in its OU.")
    if not deps.assignments.acquire(uid, account.line, account.since):
        limit = deps.settings.assignments_in_flight
        return Wait.queued(
            LINE_SECONDS,
            Reason.WAITING_IN_LINE,
            f"Queued: {limit} single sign-on assignments are made at a time.",
        )
    started = await center.assign(owned, access.permission_set, access.user_id)
    return Wait.polling(
        deps.assignment_duration.first_poll_delay(uid, deps.settings.poll_max_seconds),
        Reason.ASSIGNING_ACCESS,
        "Identity Center is assigning access.",
        facts={
            **FORGET,
            "sso_user_name": access.user_name,
            "sso_user_id": access.user_id,
            "sso_assignment_request_id": started.request_id,
        },
    )


async def _polled(scope: Scope, owned: OwnedAccount, owner: str, request_id: str) -> SsoAccess | Waive | Wait:
    """What to wait for, or the access once the request is over.

    Where the end is expected the list is read beside the request, so that it need not be read after it.
    """
    if scope.deps.assignment_duration.is_near_end(scope.account.metadata.uid):
        waiting, access = await both(_poll(scope, request_id), _access(scope, owned, owner))
        if waiting is None and isinstance(access, SsoAccess) and access.is_assigned:
            return access
    else:
        waiting = await _poll(scope, request_id)
    return waiting or await _access(scope, owned, owner)


async def _access(scope: Scope, owned: OwnedAccount, owner: str) -> SsoAccess | Waive:
    """The owner's user, and whether it has access: what a claim has just seen, or else as AWS says now."""
    center, status = scope.deps.aws.identity_center, scope.account.status
    if status.sso_user_id is None:
        early = await scope.deps.early_access.taken(scope.account.metadata.uid)
        if early is not None and early.aws_account_id == owned.id:
            return early
    permission_set = await center.permission_set(scope.deps.settings.permission_set_name)
    found = await _user(scope, owner)
    if isinstance(found, Waive):
        return found
    is_assigned = await center.is_assigned(owned.id, permission_set, found[1])
    return SsoAccess(owned.id, permission_set, *found, is_assigned=is_assigned)


async def _is_closed_or_guarded(scope: Scope, access: SsoAccess) -> bool:
    """Whether the account is under the policies for customers or, as long as it was not moved, under the seal."""
    status = scope.account.status
    if is_true(status.conditions, ConditionType.IN_CUSTOMERS_OU) or access.is_sealed:
        return True
    return await seal.holds(scope, access.aws_account_id, status.access_role_name)


async def _user(scope: Scope, owner: str) -> tuple[str, str] | Waive:
    """Sign-in name and id of the owner's user; the user in the status is used only if it still exists."""
    status, directory = scope.account.status, scope.deps.aws.directory
    if status.sso_user_id is not None:
        just_assigned = status.sso_assignment_request_id is not None and status.sso_user_name is not None
        name = status.sso_user_name if just_assigned else await directory.user_name(status.sso_user_id)
        if name is not None:
            return name, status.sso_user_id
    found = await owners_user(scope, owner)
    if isinstance(found, Waive):
        return replace(found, facts={"sso_user_id": None, "sso_user_name": None})
    return found


async def _still_revoking(scope: Scope, request_id: str) -> bool:
    """Whether a removal that began before the resume may still take the assignment away."""
    status = await scope.deps.aws.identity_center.removal_status(request_id)
    return status is not None and status.is_in_progress


async def _poll(scope: Scope, request_id: str) -> Wait | None:
    """What to wait for; None if the request is over, so that the list of assignments tells the result."""
    deps, uid = scope.deps, scope.account.metadata.uid
    status = await deps.aws.identity_center.assignment_status(request_id)
    if status is not None and status.is_in_progress:
        settings = deps.settings
        pause = deps.assignment_duration.next_poll_delay(uid, settings.poll_seconds, settings.poll_max_seconds)
        return Wait.polling(pause, Reason.ASSIGNING_ACCESS, "Identity Center is assigning access.")
    deps.assignments.release(uid)
    if status is not None and status.state == "SUCCEEDED":
        deps.assignment_duration.ended(uid)
        return None
    deps.assignment_duration.forget(uid)
    if status is None:
        return None
    # The user may be gone: without its id it is looked up or made again.
    return Wait.retrying(
        RETRY_SECONDS,
        Reason.ASSIGNMENT_FAILED,
        "Identity Center could not assign access; trying again. If this stays, the platform team has to look.",
        cause=status.failure_reason or "AWS gave no reason.",
        facts={**FORGET, "sso_user_id": None},
    )


async def _done(scope: Scope, user_name: str, user_id: str) -> Done:
    store = (await scope.deps.aws.identity_center.instance()).identity_store_id
    portal = scope.deps.settings.sso_portal_url or (await scope.deps.aws.sts.partition()).portal_url(store)
    facts = {"sso_user_name": user_name, "sso_user_id": user_id, "sso_portal_url": portal, **FORGET}
    return Done(f"{user_name} has access by single sign-on.", facts)
