"""close_account: closes the AWS account of a deleted AwsAccount with deletionPolicy Close.

AWS closes 250 accounts, or a fifth of them, in thirty days, and few at one time (botocore's organizations model,
CloseAccount). So closures queue. When AWS says that the quota is used up, the queue is closed and one account tries
again from time to time: that may take weeks, and the condition says so. An account without our tag is never closed.
"""

from batteries_crds.base import utc_now
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.outcome import Done, Outcome, Wait
from batteries_operator.steps.step import Scope

LINE_SECONDS = 3600
"""Queued accounts are woken; this is only the safety net."""

QUOTA_SECONDS = 3600
"""Between two tries of a used-up quota; AWS counts it over thirty days, so an hour is soon enough."""

BUSY_SECONDS = 60

CLOSED = "CLOSED"
CLOSING = "PENDING_CLOSURE"
ENDED_BY_AWS = "SUSPENDED"
"""What AWS called closed accounts before 2026-09-09, and what it calls those that it suspended itself."""


async def run(scope: Scope) -> Outcome:
    """Done once AWS says that the account is closed, or is not a member of the organization any more."""
    account, closures, aws_account_id = scope.account, scope.deps.closures, scope.aws_account_id
    organizations, ownership = scope.deps.aws.organizations, scope.deps.aws.ownership
    state = await organizations.state(aws_account_id)
    asked = account.status.closure_requested_at is not None
    if state is None:
        closures.release(account.metadata.uid)
        return Done(
            f"AWS account {aws_account_id} is no member any more: it has left the organization, so it was not closed. "
            "It may be open and cost money; closing it is up to its present owner.",
            warns=True,
        )
    if state == CLOSED or (asked and state == ENDED_BY_AWS):
        closures.release(account.metadata.uid)
        return Done(f"AWS account {aws_account_id} is closed.")
    if state == CLOSING:
        return _closing(scope)
    ownership.forget(account.metadata.uid)  # a closure can't be undone: read the tag again
    owned = await scope.owned_account()
    if not closures.acquire(account.metadata.uid, account.line, account.since):
        return _in_line(scope)
    try:
        await organizations.close(owned)
    except AwsError as error:
        if error.reason not in _FULL:
            raise
        closures.refused(account.metadata.uid, account.line, account.since, _FULL[error.reason])
        return _in_line(scope)
    return _closing(scope)


_FULL = {"CLOSE_ACCOUNT_QUOTA_EXCEEDED": QUOTA_SECONDS, "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED": BUSY_SECONDS}


def _closing(scope: Scope) -> Wait:
    status = scope.account.status
    scope.deps.closures.proved()
    scope.deps.closures.restore(scope.account.metadata.uid)
    return Wait.polling(
        None,
        Reason.CLOSING_ACCOUNT,
        f"AWS is closing account {status.aws_account_id}.",
        facts={"closure_requested_at": status.closure_requested_at or utc_now()},
    )


def _in_line(scope: Scope) -> Wait:
    closures, status = scope.deps.closures, scope.account.status
    place = f"Queue position {closures.position(scope.account.metadata.uid)}"
    if closures.is_shut:
        return Wait.queue_closed(
            LINE_SECONDS,
            Reason.CLOSURE_QUOTA_REACHED,
            f"{place}: AWS closes no more accounts for now (its quota is counted over 30 days). Account "
            f"{status.aws_account_id} is quarantined meanwhile, and closed as soon as AWS allows it.",
        )
    return Wait.queued(LINE_SECONDS, Reason.WAITING_IN_LINE, f"{place}: AWS closes few accounts at one time.")
