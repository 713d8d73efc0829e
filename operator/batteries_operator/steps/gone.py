"""AWS accounts in which nothing can be done: AWS closed or suspended them, or they left the organization.

A deleted AwsAccount is released then: what its steps would do has happened already, or is not ours to do. The error of
a call in such an account does not say so; therefore the account's state is read when a step meets trouble.
"""

from collections.abc import Awaitable, Callable

from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.move_to_ou import gone
from batteries_operator.steps.outcome import Done, Fail, Outcome
from batteries_operator.steps.step import Scope

Run = Callable[[Scope], Awaitable[Outcome]]


async def is_gone(scope: Scope) -> bool:
    """Whether AWS says now that the account in the status is one of those."""
    return await _gone(scope) is not None


async def gone_behind(scope: Scope, error: AwsError) -> Fail | None:
    """The failure behind an error that a step met, if the account can't be used.

    None if the error speaks for itself: AWS was busy, or says that the account is open, or does not answer.
    """
    if not error.meaning.counts or scope.account.is_deleted:
        return None
    try:
        return await _gone(scope)
    except AwsError:
        return None


async def _gone(scope: Scope) -> Fail | None:
    aws_account_id = scope.account.status.aws_account_id
    if aws_account_id is None:
        return None
    return gone(scope, await scope.deps.aws.organizations.state(aws_account_id))


def unless_gone(run: Run) -> Run:
    """`run`, but done at once if the account is being deleted and is gone in AWS."""

    async def run_unless_gone(scope: Scope) -> Outcome:
        if scope.account.is_deleted and await is_gone(scope):
            return Done("AWS has closed or suspended the account, or it has left the organization: nothing to do.")
        return await run(scope)

    return run_unless_gone
