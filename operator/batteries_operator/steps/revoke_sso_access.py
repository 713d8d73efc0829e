"""revoke_sso_access: takes the owner's single sign-on to the account away; the user itself stays.

Asynchronous like the assignment, and limited together with it: started when there is a place, then polled.
"""

from batteries_operator.outcome import Done, Outcome, Wait
from batteries_operator.step import Scope
from batteries_operator.steps.move_to_ou import GONE
from batteries_operator.steps.setup_sso_access import FORGET, LINE_SECONDS, RETRY_SECONDS


async def run(scope: Scope) -> Outcome:
    """Done once Identity Center lists no assignment of the owner to the account."""
    account, tools = scope.account, scope.tools
    center, uid = tools.aws.identity_center, account.metadata.uid
    status = account.status
    if account.is_deleted and await _is_gone(scope):
        return Done("The AWS account is closed already, and with it all access.", FORGET)
    owned = await scope.owned_account()
    if status.owner is None:
        return Done("Nobody had access by single sign-on.", FORGET)
    if status.sso_assignment_request_id is not None and await _still_assigning(scope, status.sso_assignment_request_id):
        return Wait(None, "AssigningAccess", "An assignment under way ends first.")
    tools.assignment_time.forget(uid)
    user_id = status.sso_user_id or await tools.aws.directory.find_user(status.owner)
    permission_set = await center.permission_set(tools.settings.permission_set_name)
    if user_id is None or not await center.is_assigned(owned.id, permission_set, user_id):
        tools.assignments.leave(uid)
        return Done(f"{status.owner} has no access by single sign-on.", FORGET)
    if status.sso_revocation_request_id is not None:
        return await _poll(scope, status.sso_revocation_request_id)
    if not tools.assignments.enter(uid, account.line, account.since):
        limit = tools.settings.assignments_in_flight
        return Wait(
            LINE_SECONDS,
            "WaitingInLine",
            f"In line: {limit} single sign-on assignments are changed at a time.",
            steady=True,
        )
    started = await center.unassign(owned, permission_set, user_id)
    return Wait(
        None,
        "RevokingAccess",
        "Identity Center is revoking access.",
        facts={"sso_revocation_request_id": started.request_id},
    )


async def _is_gone(scope: Scope) -> bool:
    """Whether AWS holds no usable account any more, in which an assignment could be looked for."""
    aws_account_id = scope.account.status.aws_account_id
    assert aws_account_id is not None  # check_status is done
    return await scope.tools.aws.organizations.state(aws_account_id) in GONE


async def _still_assigning(scope: Scope, request_id: str) -> bool:
    """Whether an assignment that was begun before the suspension could still come into force."""
    status = await scope.tools.aws.identity_center.assignment_status(request_id)
    return status is not None and status.is_in_progress


async def _poll(scope: Scope, request_id: str) -> Outcome:
    tools, forget = scope.tools, {"sso_revocation_request_id": None}
    status = await tools.aws.identity_center.removal_status(request_id)
    if status is not None and status.is_in_progress:
        return Wait(None, "RevokingAccess", "Identity Center is revoking access.")
    # Whatever came out: removals that fail again and again must not hold the places of all others.
    tools.assignments.leave(scope.account.metadata.uid)
    if status is None:
        return Wait(1, "RevokingAccess", "Identity Center forgot the request; starting another.", facts=forget)
    if status.state == "SUCCEEDED":
        return Wait(1, "RevokingAccess", "Identity Center has revoked access; waiting to see it.", facts=forget)
    return Wait(
        RETRY_SECONDS,
        "RevocationFailed",
        "Identity Center could not revoke access; trying again. If this stays, the platform team has to look.",
        problem=True,
        counts=True,
        cause=status.failure_reason or "AWS gave no reason.",
        facts=forget,
    )
