"""setup_oidc: GitHub's OIDC provider and GitHubActionsDeployRole, for exactly the repositories of the spec.

A change of `spec.githubRepos` makes only this step pending again, and the account stays active meanwhile. The policy's
size is checked before AWS is called, so a list that is too long leaves the old policy in place.
"""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.trust_policy import ROLE_NAME, PolicyTooLargeError, provider_arn, render
from batteries_crds.reasons import Reason
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.outcome import Done, Fail, Outcome
from batteries_operator.steps.step import Scope


def inputs(account: AwsAccount) -> Any:
    """What the trust policy depends on."""
    return sorted(account.spec.github_repos)


def too_large(error: PolicyTooLargeError) -> Fail:
    """The failure of a list that does not fit into the trust policy."""
    return Fail(Reason.TRUST_POLICY_TOO_LARGE, str(error))


async def run(scope: Scope) -> Outcome:
    """Done once the trust policy in AWS equals the rendered one."""
    account, settings = scope.account, scope.deps.settings
    owned, partition = await scope.owned_account(), await scope.deps.aws.sts.partition()
    provider = provider_arn(owned.id, partition.name)
    try:
        trust = render(
            sorted(account.spec.github_repos), provider, limit=settings.trust_policy_limit, audience=partition.audience
        )
    except PolicyTooLargeError as error:
        return too_large(error)
    iam = await scope.deps.aws.iam(
        owned, Purpose.DEPLOY_ROLE, scope.deps.settings.role_of(scope.account.status.access_role_name)
    )
    await iam.ensure_github_provider()
    role_arn = await iam.ensure_role(
        ROLE_NAME, trust, settings.managed_policy_arn, known_arn=account.status.oidc_role_arn
    )
    admitted = ", ".join(account.spec.github_repos) or "nobody, because no repository is listed"
    return Done(
        f"{ROLE_NAME} admits {admitted}."[:1000],
        {"oidc_role_arn": role_arn, "github_repos": list(account.spec.github_repos)},
    )
