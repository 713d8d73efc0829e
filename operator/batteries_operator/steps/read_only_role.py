"""The readers' door: GitHubActionsReadOnlyRole, for exactly the runs that the spec lets read the account.

The role is made when the first run is listed, and stays from then on, so that its ARN doesn't change. It is looked for
even where nobody is to be admitted and the status knows none: a status that was restored from a backup has
forgotten the role, which is still in AWS. GitHub's provider is a matter of the deploy role, which every account has.
"""

from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, nobody, provider_arn, render
from batteries_operator.aws.iam import Iam
from batteries_operator.aws.iam_roles import WantedRole
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.deploy_role import told
from batteries_operator.steps.outcome import Done
from batteries_operator.steps.step import Scope


async def open_door(scope: Scope, iam: Iam) -> Done:
    """Done once the trust policy in AWS equals the rendered one; where nobody is to be admitted, as `close_door`.

    `iam` may close the role. What opens it may do no more than that.

    Raises:
        PolicyTooLargeError: the list of repositories does not fit.
        NotOursError: the role is somebody else's, and somebody is to be admitted.
        AwsError: AWS did not do it.
    """
    account, settings, partition = scope.account, scope.deps.settings, iam.session.partition
    admitted = account.spec.reading
    if not admitted:
        return await close_door(scope, iam)
    trust = render(
        admitted,
        provider_arn(iam.session.account.id, partition.name),
        limit=settings.trust_policy_limit,
        audience=partition.audience,
    )
    description = "Assumed by GitHub Actions that may read the account, of the repositories that the AwsAccount lists."
    wanted = WantedRole(READ_ONLY_ROLE_NAME, description, trust, settings.read_only_policy_arn)
    role = settings.role_of(account.status.access_role_name)
    opens = await scope.deps.aws.iam(await scope.owned_account(), Purpose.READERS, role)
    role_arn = await opens.roles.ensure(wanted, known_arn=account.status.read_only_role_arn)
    named = {each.repository for each in admitted}
    facts = {
        "read_only_role_arn": role_arn,
        "read_only_repos": [name for name in account.spec.repository_names if name in named],
    }
    return Done(f"{READ_ONLY_ROLE_NAME} admits {told(account.spec.repository_names, admitted)}.", facts)


async def close_door(scope: Scope, iam: Iam) -> Done:
    """Done once the role's trust policy in AWS admits nobody, or there is no role."""
    known_arn = scope.account.status.read_only_role_arn
    ours = await iam.roles.close(READ_ONLY_ROLE_NAME, nobody(), known_arn=known_arn)
    facts = {"read_only_repos": None}
    if not ours:
        return Done(f"{READ_ONLY_ROLE_NAME} is not ours and was left alone.", facts)
    return Done(f"{READ_ONLY_ROLE_NAME} admits nobody." if known_arn is not None else "", facts)
