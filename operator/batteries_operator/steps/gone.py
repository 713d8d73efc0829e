"""An AWS account in which nothing can be done, because AWS closed it, suspended it, or it left the organization.

Whoever deletes an AwsAccount lets it go then: what its steps were for has come about already, or is not ours to do.
"""

from collections.abc import Awaitable, Callable

from batteries_operator.steps.move_to_ou import GONE
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope

Run = Callable[[Scope], Awaitable[Outcome]]


async def is_gone(scope: Scope) -> bool:
    """Whether the account that the status names is one of those, as AWS says now."""
    aws_account_id = scope.account.status.aws_account_id
    return aws_account_id is not None and await scope.deps.aws.organizations.state(aws_account_id) in GONE


def unless_gone(run: Run) -> Run:
    """`run`, but done at once for an account that is being deleted and is gone in AWS."""

    async def run_unless_gone(scope: Scope) -> Outcome:
        if scope.account.is_deleted and await is_gone(scope):
            return Done("The AWS account is closed or suspended by AWS, or has left the organization: nothing to do.")
        return await run(scope)

    return run_unless_gone
