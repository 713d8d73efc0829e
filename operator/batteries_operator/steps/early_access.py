"""Single sign-on, as far as it needs no AWS account of one's own: looked up while a claim looks into the account.

The owner's user takes up to three calls, as many as the claim takes before the AWS account is the AwsAccount's. It is
found or made by the same rules as later, and belongs to the person, not to the AWS account: if the claim fails it is
found by its address.

The assignment itself needs an account that is ours by its tag, and that is under policies. An account from a pool is
under the seal until it is moved, so it need not wait for that: the assignment takes AWS some seconds, and lets nobody
do anything as long as the account is sealed.
"""

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ConditionType, ProvisioningStep
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.runtime.watchdog import both, concurrent_step
from batteries_operator.steps import seal
from batteries_operator.steps.owners_user import Unconfirmed, usable_user
from batteries_operator.steps.sso_access import SsoAccess
from batteries_operator.steps.step import Scope

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def not_needed(account: AwsAccount) -> tuple[ConditionType, ...]:
    """What the assignment does without in an account that has not left the OU of pools yet."""
    status, wish = account.status, account.status.claim
    moved = status.steps.get(ProvisioningStep.MOVE_TO_OU)
    is_from_pool = wish is not None and wish.aws_account_id == status.aws_account_id
    was_moved = moved is not None and moved.inputs is not None
    return (ConditionType.IN_CUSTOMERS_OU,) if is_from_pool and not was_moved else ()


def begin(scope: Scope, owner: str, member: PooledAccount) -> None:
    """Begins to look; setup_sso_access takes the result."""
    scope.deps.early_access.begin(scope.account.metadata.uid, _tried(scope, owner, member))


async def _tried(scope: Scope, owner: str, member: PooledAccount) -> SsoAccess | None:
    try:
        with concurrent_step(), structlog.contextvars.bound_contextvars(step=ProvisioningStep.SETUP_SSO_ACCESS.value):
            return await _found(scope, owner, member)
    except (AwsError, NotPreparedError) as error:
        log.info("early_access_failed", detail=str(error), meaning="The step looks again, and says what is wrong.")
        return None


async def _found(scope: Scope, owner: str, member: PooledAccount) -> SsoAccess | None:
    """None if the owner has to confirm the address before."""
    center, found = scope.deps.aws.identity_center, str(member.status.aws_account_id)
    permission_set = await center.permission_set(scope.deps.settings.permission_set_name)

    async def account() -> tuple[set[str], bool]:
        assigned = {user async for user in center.assigned_users(found, permission_set)}
        return assigned, await seal.holds(scope, found, member.status.access_role_name)

    user, (assigned, is_sealed) = await both(usable_user(scope, owner), account())
    if isinstance(user, Unconfirmed):
        return None
    name, user_id = user
    return SsoAccess(found, permission_set, name, user_id, is_assigned=user_id in assigned, is_sealed=is_sealed)
