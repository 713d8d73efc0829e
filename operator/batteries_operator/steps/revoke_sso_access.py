"""revoke_sso_access: removes the owner's single sign-on access to the account; the user itself stays.

The removal is asynchronous like the assignment and shares its limit: it starts when there is a slot, and is polled.
"""

from batteries_crds.reasons import Reason
from batteries_operator.steps.gone import is_gone
from batteries_operator.steps.outcome import Done, Outcome, Wait
from batteries_operator.steps.setup_sso_access import FORGET, LINE_SECONDS, RETRY_SECONDS
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once Identity Center lists no assignment of the owner to the account."""
    account, deps = scope.account, scope.deps
    center, uid = deps.aws.identity_center, account.metadata.uid
    status = account.status
    if account.is_deleted and await is_gone(scope):
        deps.assignments.release(uid)
        return Done("The AWS account is closed already or has left, and with it all access.", FORGET)
    owned = await scope.owned_account()
    if status.owner is None:
        return Done("Nobody had access by single sign-on.", FORGET)
    if status.sso_assignment_request_id is not None and await _still_assigning(scope, status.sso_assignment_request_id):
        return Wait.polling(None, Reason.ASSIGNING_ACCESS, "Waiting for the end of an assignment that is under way.")
    deps.assignment_duration.forget(uid)
    permission_set = await center.permission_set(deps.settings.permission_set_name)
    user_id = await _assigned(scope, {user async for user in center.assigned_users(owned.id, permission_set)})
    if user_id is None:
        deps.assignments.release(uid)
        return Done(f"{status.owner} has no access by single sign-on.", FORGET)
    if status.sso_revocation_request_id is not None:
        return await _poll(scope, status.sso_revocation_request_id)
    if not deps.assignments.acquire(uid, account.line, account.since):
        limit = deps.settings.assignments_in_flight
        return Wait.queued(
            LINE_SECONDS,
            Reason.WAITING_IN_LINE,
            f"Queued: {limit} single sign-on assignments are changed at a time.",
        )
    started = await center.unassign(owned, permission_set, user_id)
    return Wait.polling(
        None,
        Reason.REVOKING_ACCESS,
        "Identity Center is revoking access.",
        facts={"sso_revocation_request_id": started.request_id},
    )


async def _assigned(scope: Scope, users: set[str]) -> str | None:
    """The owner's user among the assigned ones: the user in the status or, if it was made again, one with the address.

    AWS goes on listing the assignment of a deleted user, which lets nobody in.
    """
    status, directory = scope.account.status, scope.deps.aws.directory
    if status.sso_user_id in users and await directory.user_name(status.sso_user_id or "") is not None:
        return status.sso_user_id
    others = users - {status.sso_user_id or ""}
    found = await directory.find_user(scope.owner) if others else None
    return found if found in others else None


async def _still_assigning(scope: Scope, request_id: str) -> bool:
    """Whether an assignment that began before the suspension may still take effect."""
    status = await scope.deps.aws.identity_center.assignment_status(request_id)
    return status is not None and status.is_in_progress


async def _poll(scope: Scope, request_id: str) -> Outcome:
    deps, forget = scope.deps, {"sso_revocation_request_id": None}
    status = await deps.aws.identity_center.removal_status(request_id)
    if status is not None and status.is_in_progress:
        return Wait.polling(None, Reason.REVOKING_ACCESS, "Identity Center is revoking access.")
    # Released whatever the result: removals that keep failing must not hold the slots of all others.
    deps.assignments.release(scope.account.metadata.uid)
    if status is None:
        return Wait.polling(
            1, Reason.REVOKING_ACCESS, "Identity Center forgot the request; starting another.", facts=forget
        )
    if status.state == "SUCCEEDED":
        return Wait.polling(
            1, Reason.REVOKING_ACCESS, "Identity Center has revoked access; waiting to see it.", facts=forget
        )
    return Wait.retrying(
        RETRY_SECONDS,
        Reason.REVOCATION_FAILED,
        "Identity Center could not revoke access; trying again. If this stays, the platform team has to look.",
        cause=status.failure_reason or "AWS gave no reason.",
        facts=forget,
    )
