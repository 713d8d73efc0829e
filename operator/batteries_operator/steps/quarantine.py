"""quarantine: moves the account under the deny-all policy, which closes it to everyone but the operator's role.

The policy is read first, because an OU's name closes nothing. Without it no account is moved: the policy that protects
our role does not apply in the Suspended OU.
"""

from batteries_operator.aws.floor.place import Place
from batteries_operator.aws.guardrails import closing
from batteries_operator.steps.move_to_ou import placed
from batteries_operator.steps.outcome import Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the account's parent is the Suspended OU and our policy is attached to that OU."""
    settings, aws = scope.deps.settings, scope.deps.aws

    async def proved() -> None:
        guard = closing(settings, await aws.sts.partition())
        await aws.guardrail_checks.require(guard, settings.role_of(scope.account.status.access_role_name))

    return await placed(scope, Place(settings.suspended_ou_name), proved)
