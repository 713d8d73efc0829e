"""The seal of accounts that nobody has yet: the OU of pools, and the policy on it that closes them to all but us."""

from batteries_operator.aws.guardrails import sealing
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.steps.step import Scope


async def require(scope: Scope, role: str | None) -> None:
    """Checks the policy, for accounts that are entered by `role`, as a status records it.

    Raises:
        NotPreparedError: it does not hold.
    """
    settings, aws = scope.deps.settings, scope.deps.aws
    guard = sealing(settings, await aws.sts.partition())
    await aws.guardrail_checks.require(guard, settings.role_of(role))


async def holds(scope: Scope, aws_account_id: str, role: str | None) -> bool:
    """Whether that AWS account is sealed now: it is in the OU of pools, and the policy holds there."""
    if not await scope.deps.aws.organizations.is_in(scope.deps.settings.pool_ou_name, aws_account_id):
        return False
    try:
        await require(scope, role)
    except NotPreparedError:
        return False
    return True
