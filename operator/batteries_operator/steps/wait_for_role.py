"""wait_for_role: the access role of a new account answers only after some minutes; AWS publishes no number."""

from batteries_operator.aws.errors import AwsError
from batteries_operator.outcome import Done, Fail, Outcome, Wait
from batteries_operator.step import Scope

# What a role that has not propagated answers; elsewhere AccessDenied means a missing permission.
_NOT_YET = frozenset({"AccessDenied", "AccessDeniedException", "InvalidClientTokenId"})


async def run(scope: Scope) -> Outcome:
    """Done once the role's identity is in the account that we made."""
    status, sts = scope.account.status, scope.tools.aws.sts
    assert status.aws_account_id is not None  # check_status is done
    await scope.tools.aws.organizations.refuse_management(status.aws_account_id)
    try:
        identity = await sts.identity(await sts.assume(status.aws_account_id))
    except AwsError as error:
        if error.code not in _NOT_YET:
            raise
        role = scope.tools.settings.access_role_name
        return Wait(
            scope.tools.settings.poll_seconds,
            "RolePropagating",
            f"The role {role} of the new account does not answer yet; that takes up to some minutes.",
        )
    if identity != status.aws_account_id:
        return Fail(
            "WrongIdentity",
            f"The access role answers as AWS account {identity} instead of {status.aws_account_id}. "
            "Nothing was done there. Have the platform team look at AWS_ENDPOINT_URL and the role.",
        )
    return Done(f"The access role answers as {identity}.")
