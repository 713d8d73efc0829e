"""Finds the AWS account that is an AwsAccount's by its tags and of which its status knows nothing."""

from contextlib import suppress

from batteries_operator.aws.organizations import ManagementAccountError
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.steps.claim import claimant
from batteries_operator.steps.lost_claims import OVER
from batteries_operator.steps.outcome import Done
from batteries_operator.steps.step import Scope


async def candidates(scope: Scope) -> list[str]:
    """AWS accounts that are not closed and may be this AwsAccount's; each has to be proved.

    Where there are no pools nothing is asked: there the root e-mail address finds it.

    Raises:
        AwsError: AWS does not tell now.
    """
    deps = scope.deps
    if not deps.pool.is_used:
        return []
    seen = [(each, await deps.aws.organizations.state(each)) for each in await deps.lost_claims.of(scope.account)]
    return [each for each, state in seen if state is not None and state not in OVER]


async def adopted(scope: Scope, owner: str) -> Done | None:
    """Done if there is one.

    Raises:
        AwsError: AWS does not tell now.
    """
    wish = scope.account.status.claim
    for found in await candidates(scope):
        with suppress(NotOurAccountError, ManagementAccountError):
            owned = await scope.deps.aws.ownership.prove(scope.account, found, owner)
            await _mark_its_member(scope, owned.id)
            facts = {
                "aws_account_id": owned.id,
                "owner": owner,
                "account_id": owned.account_id,
                "access_role_name": None,  # found out when the account is entered
                "claim": wish if wish is not None and wish.aws_account_id == owned.id else None,
            }
            return Done(f"Found the AWS account {owned.id}, which was made for it before.", facts)
    return None


async def _mark_its_member(scope: Scope, aws_account_id: str) -> None:
    """Marks a member that does not know yet that its AWS account was taken, as after a restore of yesterday's etcd.

    Nobody could have it, but it would count as ready until somebody tried.
    """
    account, members = scope.account, scope.deps.members
    for member in await members.with_account(account.metadata.namespace, aws_account_id):
        if not member.is_claimed:
            await members.claim(member, claimant(account))
