"""CloseAccount: takes effect later, few at a time, so many a month, and never for the management account.

Errors and reasons of the Organizations model (botocore); moto closes at once and without limits.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World


def close(call: Call, world: World, proceed: Proceed) -> Answer:
    """CloseAccount."""
    account = world.account(call.text("AccountId"))
    if account is None:
        message = "We can't find an AWS account with the AccountId that you specified."
        raise AwsError("AccountNotFoundException", message)
    if account.id == world.settings.management_account_id:
        raise _constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    if account.state == "PENDING_CLOSURE":  # believed: the page names the error, not the case
        raise AwsError("ConflictException", "The account is being closed already.")
    if account.state != "ACTIVE":
        raise AwsError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    if world.closures.in_progress >= world.settings.max_closures_in_progress:
        message = "You attempted to exceed the number of accounts that you can close at a time."
        raise _constraint("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", message)
    if world.closures.quota_is_used_up(len(world.moto.organizations().accounts) - 1, world.clock()):
        message = "You have exceeded close account quota for the past 30 days."
        raise _constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", message)
    world.closures.add(account, world.clock())
    return answer(call)


def _constraint(reason: str, message: str) -> AwsError:
    return AwsError("ConstraintViolationException", message, Reason=reason)
