"""close_deploy_role: nobody can assume the roles of GitHub Actions and agents. They stay, so their ARNs don't change.

A role that we did not make is left alone: the quarantine keeps its sessions from doing anything.
"""

from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps import agent_role, deploy_role, read_only_role
from batteries_operator.steps.doors import side_by_side
from batteries_operator.steps.outcome import Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the trust policies in AWS admit nobody, or there is no role."""
    role = scope.deps.settings.role_of(scope.account.status.access_role_name)
    iam = await scope.deps.aws.iam(await scope.owned_account(), Purpose.ROLES, role)
    doors = (deploy_role, read_only_role, agent_role)
    return await side_by_side(*(door.close_door(scope, iam) for door in doors))
