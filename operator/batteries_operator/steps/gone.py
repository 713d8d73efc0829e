"""An AWS account in which nothing can be done, because AWS closed it, suspended it, or it left the organization.

Whoever deletes an AwsAccount lets it go then: what its steps were for has come about already, or is not ours to do.
What a call in such an account is refused with says nothing of that, so each step that meets trouble looks.
"""

from collections.abc import Awaitable, Callable

from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.move_to_ou import gone
from batteries_operator.steps.outcome import Done, Fail, Outcome
from batteries_operator.steps.step import Scope

Run = Callable[[Scope], Awaitable[Outcome]]


async def is_gone(scope: Scope) -> bool:
    """Whether the account that the status names is one of those, as AWS says now."""
    return await _gone(scope) is not None


async def gone_behind(scope: Scope, error: AwsError) -> Fail | None:
    """What is behind an error that a step met: an account that can't be used is told of as that, and not as the error.

    None where the error speaks for itself: AWS was busy, has the account open, or does not tell.
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
    """`run`, but done at once for an account that is being deleted and is gone in AWS."""

    async def run_unless_gone(scope: Scope) -> Outcome:
        if scope.account.is_deleted and await is_gone(scope):
            return Done("The AWS account is closed or suspended by AWS, or has left the organization: nothing to do.")
        return await run(scope)

    return run_unless_gone
