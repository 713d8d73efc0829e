"""close_deploy_role: GitHub Actions can't assume the deploy role. The role itself stays, so its ARN does not change.

A role that we did not make is left alone: the quarantine keeps its sessions from doing anything.
"""

from batteries_crds.github.trust_policy import ROLE_NAME, nobody
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the role's trust policy in AWS admits nobody, or there is no role."""
    iam = await scope.deps.aws.iam(
        await scope.owned_account(),
        Purpose.DEPLOY_ROLE,
        scope.deps.settings.role_of(scope.account.status.access_role_name),
    )
    ours = await iam.close_role(ROLE_NAME, nobody(), known_arn=scope.account.status.oidc_role_arn)
    message = f"{ROLE_NAME} admits nobody." if ours else f"{ROLE_NAME} is not ours and was left alone."
    return Done(message, {"github_repos": []})
