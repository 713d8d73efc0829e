"""close_account: closes the AWS account of an AwsAccount that is deleted with deletionPolicy Close, or whose time of
closure has come.

An object that stays may be taken back at any moment. So it is read again from Kubernetes right before the call.

AWS closes 250 accounts, or a fifth of them, in thirty days, and few at one time (botocore's organizations model,
CloseAccount). So closures queue. When AWS says that the quota is used up, the queue is closed and one account tries
again from time to time: that may take weeks, and the condition says so. An account without our tag is never closed.
"""

from batteries_crds.base import utc_now
from batteries_crds.identity import ObjectRef
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.move_to_ou import gone
from batteries_operator.steps.outcome import Done, Outcome, Wait
from batteries_operator.steps.step import Scope

LINE_SECONDS = 3600
"""Queued accounts are woken; this is only the safety net."""

QUOTA_SECONDS = 3600
"""Between two tries of a used-up quota; AWS counts it over thirty days, so an hour is soon enough."""

BUSY_SECONDS = 60

KEPT_SECONDS = 5
"""Until an account that was taken back is looked at again, if no watch event shows it before."""

CLOSED = "CLOSED"
CLOSING = "PENDING_CLOSURE"
ENDED_BY_AWS = "SUSPENDED"
"""What AWS called closed accounts before 2026-09-09, and what it calls those that it suspended itself."""


async def run(scope: Scope) -> Outcome:
    """Done once AWS says that the account is closed, or is not a member of the organization any more.

    For a closed account of an object that stays it only looks: AWS Support may have reopened it.
    """
    account, closures = scope.account, scope.deps.closures
    state = await scope.deps.aws.organizations.state(scope.aws_account_id)
    if state == CLOSING:
        return _closing(scope)
    if (over := _over(scope, state)) is not None:
        closures.release(account.metadata.uid)
        return over
    scope.deps.aws.ownership.forget(account.metadata.uid)  # a closure can't be undone: read the tag again
    owned = await scope.owned_account()
    if not closures.acquire(account.metadata.uid, account.line, account.since):
        return _in_line(scope)
    if (kept := await _kept(scope)) is not None:
        closures.release(account.metadata.uid)
        return kept
    try:
        await scope.deps.aws.organizations.close(owned)
    except AwsError as error:
        if error.reason not in _FULL:
            raise
        closures.refused(account.metadata.uid, account.line, account.since, _FULL[error.reason])
        return _in_line(scope)
    return _closing(scope)


def _over(scope: Scope, state: str | None) -> Outcome | None:
    """The outcome if nothing is left to do, or nothing can be done, in that state (None: it is not a member)."""
    account, aws_account_id = scope.account, scope.aws_account_id
    asked = account.status.closure_requested_at is not None
    if state == CLOSED or (asked and state == ENDED_BY_AWS) or (account.is_closed and state is None):
        closed_at = account.status.closed_at or account.status.closure_requested_at or utc_now()
        return Done(f"AWS account {aws_account_id} is closed.", {"closed_at": closed_at})
    if state is None and account.is_deleted:
        return Done(
            f"AWS account {aws_account_id} is no member any more: it has left the organization, so it was not closed. "
            "It may be open and cost money; closing it is up to its present owner.",
            warns=True,
        )
    if account.is_closed:
        return _reopened(scope)
    return gone(scope, state) if state is None else None


_FULL = {"CLOSE_ACCOUNT_QUOTA_EXCEEDED": QUOTA_SECONDS, "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED": BUSY_SECONDS}


async def _kept(scope: Scope) -> Wait | None:
    """Not None if the account must not be closed now: its object, read from Kubernetes, does not want it any more.

    Raises:
        ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes can't say so now.
    """
    account = scope.account
    if account.is_deleted:
        return None
    found, now = await scope.deps.live.read(ObjectRef.of(account))
    is_due = found is not None and not found.is_deleted and found.is_closure_due
    at = found.closes_at if found is not None else None
    if is_due and at is not None and at <= now:
        return None
    return Wait.unwritten(KEPT_SECONDS, Reason.NOT_WANTED, "The account is not to be closed any more.")


def _reopened(scope: Scope) -> Done:
    """An account that this system closed is open again. It is not closed a second time for the same reason."""
    return Done(
        f"AWS account {scope.aws_account_id} was closed and is open again in AWS. It stays suspended here, and is not "
        "closed again for a time that has passed.",
        {"closed_at": None, "closure_requested_at": None, "reopened_at": utc_now()},
        warns=True,
    )


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
