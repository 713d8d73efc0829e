"""setup_oidc: the roles that are assumed with a token: GitHub's two (`deploy_role`, `read_only_role`) and the agents'
(`agent_role`).

A change of the repositories, or of the runs that are listed, makes only this step pending again, and the account stays
active meanwhile. Another issuer of ours is none of the inputs: a restart with a new setting would call AWS for every
account at once, so the comparisons bring it to the accounts one by one. So they do with a permissions boundary.
"""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.trust_policy import Admitted
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps import agent_role, deploy_role, read_only_role
from batteries_operator.steps.doors import side_by_side
from batteries_operator.steps.outcome import Outcome
from batteries_operator.steps.step import Scope


def inputs(account: AwsAccount) -> Any:
    """What the trust policies depend on."""
    spec = account.spec
    if not spec.repositories and spec.deploy_from is None and spec.read_only_from is None:
        return sorted(spec.github_repos)  # as in releases that knew no more: an upgrade makes nothing pending
    return {"deploy": _listed(spec.deploying), "read": _listed(spec.reading)}


def _listed(admitted: list[Admitted]) -> list[Any]:
    return [[each.repository, None if each.sources is None else each.sources.contexts] for each in admitted]


async def run(scope: Scope) -> Outcome:
    """Done once each role admits whom it should and nobody else."""
    role = scope.deps.settings.role_of(scope.account.status.access_role_name)
    iam = await scope.deps.aws.iam(await scope.owned_account(), Purpose.ROLES, role)
    doors = (deploy_role, read_only_role, agent_role)
    return await side_by_side(*(door.open_door(scope, iam) for door in doors))
