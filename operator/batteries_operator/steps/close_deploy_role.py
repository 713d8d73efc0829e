"""close_deploy_role: GitHub Actions can't assume the deploy role; it stays, so that its ARN does not come and go."""

from batteries_crds.trust_policy import ROLE_NAME, nobody
from batteries_operator.outcome import Done, Outcome
from batteries_operator.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the role's trust policy in AWS admits nobody, or there is no role."""
    account = scope.account
    assert account.status.aws_account_id is not None  # check_status is done
    iam = await scope.tools.aws.iam(account.status.aws_account_id, str(account.account_id))
    await iam.close_role(ROLE_NAME, nobody())
    return Done(f"{ROLE_NAME} admits nobody.", {"github_repos": []})
