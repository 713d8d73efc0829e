"""setup_oidc: GitHub's OIDC provider and GitHubActionsDeployRole, for exactly the repositories of the spec.

The one step with inputs: a change of `spec.githubRepos` makes it owed again, alone, and the account stays active
meanwhile. The policy's size is checked before AWS is called, so a list that's too long leaves the old one standing.
"""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_operator.outcome import Done, Fail, Outcome
from batteries_operator.step import Scope
from batteries_operator.trust_policy import PROVIDER_HOST, ROLE_NAME, PolicyTooLargeError, render


def inputs(account: AwsAccount) -> Any:
    """What the trust policy is made from."""
    return sorted(account.spec.github_repos)


def trust_policy(account: AwsAccount, aws_account_id: str, limit: int) -> dict[str, Any] | Fail:
    """The policy for the spec as it is, or why there can't be one."""
    provider_arn = f"arn:aws:iam::{aws_account_id}:oidc-provider/{PROVIDER_HOST}"
    try:
        return render(sorted(account.spec.github_repos), provider_arn, limit=limit)
    except PolicyTooLargeError as error:
        return Fail("TrustPolicyTooLarge", str(error))


async def run(scope: Scope) -> Outcome:
    """Done once the trust policy in AWS equals the one rendered."""
    account, settings = scope.account, scope.tools.settings
    aws_account_id = account.status.aws_account_id
    assert aws_account_id is not None  # check_status is done
    trust = trust_policy(account, aws_account_id, settings.trust_policy_limit)
    if isinstance(trust, Fail):
        return trust
    iam = await scope.tools.aws.iam(aws_account_id, str(account.account_id))
    await iam.ensure_github_provider()
    role_arn = await iam.ensure_role(ROLE_NAME, trust, settings.managed_policy_arn)
    admitted = ", ".join(account.spec.github_repos) or "nobody: no repository is listed"
    return Done(
        f"{ROLE_NAME} admits {admitted}."[:1000],
        {"oidc_role_arn": role_arn, "github_repos": list(account.spec.github_repos)},
    )
