"""CreateAccountAssignment and DeleteAccountAssignment, which AWS does later.

moto does both at once and twice. A principal that isn't there makes the operation fail later,
as AWS looks for it only then (believed); an account or a permission set that isn't there is
refused at once.
"""

from __future__ import annotations

from batteries_sandbox.aws.assignments import KEY
from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateAccountAssignment: one that is there already succeeds and makes no second one."""
    _check(call, world)
    failure = call.fail_later
    if not failure and not _principal_exists(call, world):
        failure = f"{call.text('PrincipalType')} not found."
    operation = world.assignments.add(call.params, world.clock(), world.wall(), deletes=False, failure=failure)
    return answer(call, {"AccountAssignmentCreationStatus": operation.describe()})


def delete(call: Call, world: World, proceed: Proceed) -> Answer:
    """DeleteAccountAssignment."""
    _check(call, world)
    if not world.assignments.exists(tuple(call.text(name) for name in KEY)):
        raise AwsError("ResourceNotFoundException", "Account assignment not found.")  # believed
    operation = world.assignments.add(call.params, world.clock(), world.wall(), deletes=True, failure=call.fail_later)
    return answer(call, {"AccountAssignmentDeletionStatus": operation.describe()})


def describe_creation(call: Call, world: World, proceed: Proceed) -> Answer:
    """DescribeAccountAssignmentCreationStatus."""
    operation = world.assignments.find(call.text("AccountAssignmentCreationRequestId"), deletes=False)
    if operation is None:
        raise AwsError("ResourceNotFoundException", "Account assignment creation request not found.")
    return answer(call, {"AccountAssignmentCreationStatus": operation.describe()})


def describe_deletion(call: Call, world: World, proceed: Proceed) -> Answer:
    """DescribeAccountAssignmentDeletionStatus."""
    operation = world.assignments.find(call.text("AccountAssignmentDeletionRequestId"), deletes=True)
    if operation is None:
        raise AwsError("ResourceNotFoundException", "Account assignment deletion request not found.")
    return answer(call, {"AccountAssignmentDeletionStatus": operation.describe()})


def _check(call: Call, world: World) -> None:
    missing = [name for name in KEY if not call.text(name)]
    if missing or call.text("TargetType") != "AWS_ACCOUNT" or call.text("PrincipalType") not in ("USER", "GROUP"):
        raise AwsError("ValidationException", "The request failed because it contains a syntax error.")
    account_id = call.text("TargetId")
    known = world.creations.is_known_to_identity_center(account_id, world.clock())  # believed
    if world.account(account_id) is None or not known:
        raise AwsError("ResourceNotFoundException", f"Account {account_id} not found.")
    sets = world.moto.identity_center().permission_sets
    if all(existing.permission_set_arn != call.text("PermissionSetArn") for existing in sets):
        raise AwsError("ResourceNotFoundException", "PermissionSet not found.")
    if world.assignments.outstanding >= world.settings.max_assignments:
        # Seen in the field with ten calls outstanding (aws-samples/assignment-automation-4-aws-sso#8).
        raise AwsError("ConflictException", "There are too many requests processing. Try again later.")
    if world.assignments.is_busy(account_id):
        # "Number of IAM roles (permission sets) in the account that can be updated at a time: 1" (quotas page);
        # the code is that of CreateAccountAssignment's page: a previous write did not have time to propagate.
        message = "A previous write on this account has not propagated yet. Retry with backoff."
        raise AwsError("ConflictException", message)


def _principal_exists(call: Call, world: World) -> bool:
    store_id = world.moto.identity_center().instances[0].identity_store_id
    store = world.moto.identity_store().identity_stores.get(store_id)
    if store is None:
        return False
    known = store.users if call.text("PrincipalType") == "USER" else store.groups
    return call.text("PrincipalId") in known
