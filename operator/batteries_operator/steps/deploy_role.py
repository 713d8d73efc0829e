"""GitHub's door: its OIDC provider and GitHubActionsDeployRole, for exactly the repositories and runs of the spec."""

from collections.abc import Sequence

from batteries_crds.github.trust_policy import PROVIDER_HOST, ROLE_NAME, Admitted, nobody, provider_arn, render
from batteries_operator.aws.iam import Iam
from batteries_operator.aws.iam_roles import WantedRole
from batteries_operator.aws.mutations import unrecorded_mutations
from batteries_operator.steps.outcome import Done
from batteries_operator.steps.step import Scope


async def open_door(scope: Scope, iam: Iam) -> Done:
    """Done once the trust policy in AWS equals the rendered one.

    The policy's size is checked before AWS is called, so a list that is too long leaves the old policy in place.

    Raises:
        PolicyTooLargeError: the list of repositories does not fit.
        NotOursError: the role, or a provider without our audience, is somebody else's.
        AwsError: AWS did not do it.
    """
    account, settings, partition = scope.account, scope.deps.settings, iam.session.partition
    admitted, boundary = account.spec.deploying, settings.deploy_boundary_arn or None
    trust = render(
        admitted,
        provider_arn(iam.session.account.id, partition.name),
        limit=settings.trust_policy_limit,
        audience=partition.audience,
    )
    await iam.providers.ensure(PROVIDER_HOST)
    description = "Assumed by GitHub Actions of the repositories that the AwsAccount lists."
    wanted = WantedRole(ROLE_NAME, description, trust, settings.managed_policy_arn, boundary_arn=boundary or "")
    # A boundary that is set for the first time is no drift: nobody has changed the role in AWS.
    with unrecorded_mutations(unless=account.status.deploy_boundary_arn == boundary):
        role_arn = await iam.roles.ensure(wanted, known_arn=account.status.oidc_role_arn)
    named = {each.repository for each in admitted}
    facts = {
        "oidc_role_arn": role_arn,
        "github_repos": [name for name in account.spec.repository_names if name in named],
        "deploy_boundary_arn": boundary,
    }
    return Done(f"{ROLE_NAME} admits {told(account.spec.repository_names, admitted)}.", facts)


def told(names: Sequence[str], admitted: Sequence[Admitted]) -> str:
    """Who is admitted, for a message, in the order in which the spec lists them."""
    found = {each.repository: each for each in admitted}
    listed = ", ".join(str(found[name]) for name in names if name in found)
    return listed or "nobody, because no repository is listed, or none of its runs"


async def close_door(scope: Scope, iam: Iam) -> Done:
    """Done once the role's trust policy in AWS admits nobody, or there is no role."""
    ours = await iam.roles.close(ROLE_NAME, nobody(), known_arn=scope.account.status.oidc_role_arn)
    message = f"{ROLE_NAME} admits nobody." if ours else f"{ROLE_NAME} is not ours and was left alone."
    return Done(message, {"github_repos": []})
