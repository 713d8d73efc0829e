"""quarantine: moves the account under the deny-all policy, which closes it to everyone but the operator's role."""

from batteries_operator.outcome import Outcome
from batteries_operator.step import Scope
from batteries_operator.steps.move_to_ou import placed


async def run(scope: Scope) -> Outcome:
    """Done once the account's parent is the Suspended OU."""
    return await placed(scope, scope.tools.settings.suspended_ou_name)
