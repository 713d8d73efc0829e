"""setup_oidc: the two roles that are assumed with a token: GitHub's (`deploy_role`) and the agents' (`agent_role`).

A change of `spec.githubRepos` makes only this step pending again, and the account stays active meanwhile. Another
issuer of ours is none of the inputs: a restart with a new setting would call AWS for every account at once, so the
comparisons bring it to the accounts one by one.
"""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps import agent_role, deploy_role
from batteries_operator.steps.doors import side_by_side
from batteries_operator.steps.outcome import Outcome
from batteries_operator.steps.step import Scope


def inputs(account: AwsAccount) -> Any:
    """What the trust policy depends on."""
    return sorted(account.spec.github_repos)


async def run(scope: Scope) -> Outcome:
    """Done once each role admits whom it should and nobody else."""
    role = scope.deps.settings.role_of(scope.account.status.access_role_name)
    iam = await scope.deps.aws.iam(await scope.owned_account(), Purpose.ROLES, role)
    return await side_by_side(deploy_role.open_door(scope, iam), agent_role.open_door(scope, iam))
