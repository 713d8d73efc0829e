"""Why an account is suspended, and what resumes it; of a pool's member, who has taken it. Pure."""

from collections.abc import Iterator

from batteries_crds.aws_account import REOPENABLE, AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.base import to_rfc3339
from batteries_crds.conditions import READY, SUSPENDED, ConditionStatus, find
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.reasons import Reason

_SHUT = (
    "The account is closed: console, single sign-on and deploy role are closed, and AWS denies all requests of its "
    "users and roles. Machines that run keep running and cost money. Service-linked roles keep working, and so does "
    "what resource policies allow other accounts."
)
_NEVER_MADE = "The account is suspended; no AWS account was made for it."

_WAY_OUT = {
    Hold.CUSTOMER_BLOCKED: "an administrator has to unblock the Customer",
    Hold.PAYMENT_METHOD_MISSING: "the owner has to give a valid payment method",
    Hold.EXPIRED: "set a later spec.expiresAt",
}


def why(account: AwsAccount) -> tuple[str, str]:
    """The reason (the first of several) and the message, which names the way out of each."""
    if isinstance(account, PooledAccount):
        return Reason.CLAIMED, _taken(account)
    ways = dict(_ways(account)) or {Reason.SUSPENDED: "set spec.suspended to false"}
    out = f"To open it again, {', and '.join(ways.values())}."
    return next(iter(ways)), " ".join(filter(None, (_state(account), _closure(account), out)))


def _taken(member: PooledAccount) -> str:
    claimant, aws_account_id = member.status.claimed_by, member.status.aws_account_id
    if claimant is None:
        return "It is being deleted, and nobody has taken it."
    return f"AWS account {aws_account_id} was taken by AwsAccount {member.metadata.namespace}/{claimant.name}."


def _ways(account: AwsAccount) -> Iterator[tuple[str, str]]:
    """Each reason, with what ends it."""
    spec = account.spec
    if spec.suspended:
        yield Reason.SUSPENDED, "set spec.suspended to false"
    if spec.suspended_by_owner:
        yield Reason.SUSPENDED_BY_OWNER, "set spec.suspendedByOwner to false"
    if spec.close_at is not None:
        yield Reason.CLOSURE_REQUESTED, "remove spec.closeAt"
    for reason in Hold:
        if reason in account.holds:
            yield reason, _WAY_OUT[reason]
    for later in sorted(account.holds - set(Hold)):
        yield later, f"the hold {later} has to be lifted"


def _state(account: AwsAccount) -> str:
    """What became of the AWS account."""
    aws_account_id, until = account.status.aws_account_id, account.reopenable_until
    if aws_account_id is None:
        return _NEVER_MADE
    if not account.is_closed or until is None:
        return _SHUT
    return (
        f"AWS account {aws_account_id} was closed on {to_rfc3339(until - REOPENABLE)}. Only AWS Support can reopen it, "
        f"until {to_rfc3339(until)}; then AWS deletes what is in it."
    )


def _closure(account: AwsAccount) -> str:
    """When AWS closes the account, if nothing changes before."""
    at = account.closes_at
    if at is None or account.is_closed or account.status.aws_account_id is None:
        return ""
    return f"If nothing changes, AWS closes it at {to_rfc3339(at)}."


def is_outdated(account: AwsAccount) -> bool:
    """Whether a closed account's reason has changed: holds come and go without a new generation, and so do claims."""
    if isinstance(account, PooledAccount):
        ready = find(account.status.conditions, READY)
        return account.is_claimed and not account.is_deleted and (ready is None or ready.reason != Reason.CLAIMED)
    said = find(account.status.conditions, SUSPENDED)
    if said is None or said.status is not ConditionStatus.TRUE or account.is_wanted or account.is_deleted:
        return False
    return (said.reason, said.message) != why(account)
