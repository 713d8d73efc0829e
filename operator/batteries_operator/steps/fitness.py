"""Whether a pool's member can be handed out: its AWS account is its own, open, and as it was prepared."""

from typing import Final

from batteries_crds.conditions import ACCOUNT_GONE, SUSPENDED_BY_AWS
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.reasons import Reason
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.inside import beyond
from batteries_operator.aws.organizations import ManagementAccountError
from batteries_operator.aws.ownership import NotOurAccountError, OwnedAccount
from batteries_operator.runtime.watchdog import both
from batteries_operator.steps.outcome import Fail, Wait
from batteries_operator.steps.step import Scope

AGAIN_SECONDS = 60
"""Until a member into which nobody could look is looked into again, by its own steps."""

_DELETE: Final = "Delete this PooledAccount to let the AWS account go."


class UnfitError(Exception):
    """The member can't be handed out; `outcome` is what its own look inside would have found."""

    def __init__(self, outcome: Fail | Wait) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome

    @classmethod
    def of(cls, error: NotOurAccountError) -> "UnfitError":
        """Because its AWS account is another's by its tags."""
        return cls(Fail(error.reason, str(error)))


async def inspected(scope: Scope, member: PooledAccount, *, looks: bool) -> OwnedAccount:
    """The proof that the AWS account is still the member's; with `looks`, it is open and as it was prepared.

    Without, it is not going to be used: its AwsAccount is not wanted any more.

    Raises:
        NotOurAccountError: its tags name another, or an owner.
        UnfitError: it can't be handed out.
        AwsError: AWS does not tell now.
    """
    aws, found = scope.deps.aws, str(member.status.aws_account_id)
    aws.ownership.forget(member.metadata.uid)  # somebody may have got it since it was proved last
    try:
        owned, state = await both(aws.ownership.prove(member, found), aws.organizations.state(found))
    except ManagementAccountError as error:
        raise UnfitError(Fail(Reason.MANAGEMENT_ACCOUNT_REFUSED, str(error))) from error
    if looks:
        _require_open(found, state)
        await _require_untouched(scope, member, owned)
    return owned


def _require_open(aws_account_id: str, state: str | None) -> None:
    if state == "ACTIVE":
        return
    if state == "SUSPENDED":
        message = (
            f"AWS account {aws_account_id} was suspended by AWS, so nobody gets it; ask AWS Support why. {_DELETE}"
        )
        raise UnfitError(Fail(SUSPENDED_BY_AWS, message))
    what = "is not a member of the organization" if state is None else f"is {state} in AWS"
    raise UnfitError(Fail(ACCOUNT_GONE, f"AWS account {aws_account_id} {what}, so nobody gets it. {_DELETE}"))


async def _require_untouched(scope: Scope, member: PooledAccount, owned: OwnedAccount) -> None:
    """A look that fails is no pass."""
    aws = scope.deps.aws
    try:
        seen = await aws.counts(owned, member.status.access_role_name)
    except AwsError as error:
        if error.kind is ErrorKind.TRANSIENT or aws.caller.caches.forget(error):
            raise
        message = f"Nobody can see what is in AWS account {owned.id}, so nobody gets it. {error.words}"
        raise UnfitError(Wait.retrying(AGAIN_SECONDS, error.meaning.reason, message, cause=error.cause)) from error
    if more := beyond(member.status.baseline or {}, seen):
        raise UnfitError(touched(owned.id, more))


def touched(aws_account_id: str, more: list[str]) -> Fail:
    """The failure of a member in which somebody was."""
    return Fail(
        Reason.TOUCHED,
        f"There is more in AWS account {aws_account_id} than when it became ready: {', '.join(more)}. Somebody was "
        "there, so it is not handed out. Find out who, and delete this PooledAccount.",
    )
