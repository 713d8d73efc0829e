"""The Events that `kubectl describe` shows of an account: only transitions, never that something is still so.

These are a step's success, its failure, the beginning of a problem, Stalled, and for the account Ready, suspended and
Released. The status remembers which problem was told, so that neither a retry nor a restart tells it again.
"""

from dataclasses import dataclass

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.conditions import READY, STALLED, ConditionStatus, find, is_true
from batteries_crds.names import ConditionType, Phase
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.reasons import Reason
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait, Waive
from batteries_operator.steps.step import Step


@dataclass(frozen=True, slots=True)
class Event:
    """One Event: its type (Normal or Warning), the reason for machines, and the sentence for people."""

    type: str
    reason: str
    message: str


def of_outcome(before: AwsAccountStatus, after: AwsAccount, step: Step, outcome: Outcome) -> Event | None:
    """The Event of an outcome that was written; None if nothing changed."""
    stalled = find(after.status.conditions, STALLED)
    match outcome:
        case Done(message=message, warns=warns):
            return Event("Warning" if warns else "Normal", step.condition, message)
        case Fail(reason=reason, message=message) | Waive(reason=reason, message=message):
            return Event("Warning", reason, message)
        case Wait() if stalled is not None and not is_true(before.conditions, STALLED):
            return Event("Warning", stalled.reason, stalled.message)
        case Wait(reason=reason, message=message, is_problem=True) if reason != _told(before, step):
            return Event("Warning", reason, message)
        case _:
            return None


def _told(before: AwsAccountStatus, step: Step) -> str | None:
    record = before.steps.get(step.name)
    return record.told if record is not None else None


def of_phase(before: AwsAccountStatus, after: AwsAccount) -> Event | None:
    """The Event of an account that has become ready or suspended; None if it has not."""
    ready, phase = find(after.status.conditions, READY), after.status.phase
    if ready is None or phase is before.phase or after.is_deleted:
        return None
    if phase is Phase.ACTIVE:
        return Event("Normal", READY, ready.message)
    return Event("Normal", ready.reason, ready.message) if phase is Phase.SUSPENDED else None


def of_release(account: AwsAccount) -> Event:
    """The Event that says what is left in AWS of a deleted account."""
    aws_account_id = account.status.aws_account_id
    if isinstance(account, PooledAccount) and (handed := _handed_over(account)) is not None:
        return handed
    if aws_account_id is None:
        return Event("Normal", "Released", "AWS made no account, so nothing is left there.")
    if account.spec.deletion_policy is DeletionPolicy.CLOSE:
        closed = find(account.status.conditions, ConditionType.CLOSED)  # or it left the organization and was not closed
        said = closed.message if closed is not None else f"AWS account {aws_account_id} is closed."
        return Event("Normal", "Released", f"Let go: {said}{_left_open(account)}")
    message = f"Let go of AWS account {aws_account_id}, which stays as it is; nothing manages it any more."
    return Event("Normal", "Released", message + _nobodys(account))


def _handed_over(member: PooledAccount) -> Event | None:
    """The Event of a member whose AWS account has an owner, or is not its own."""
    found = {each.type: each for each in member.status.conditions}
    said = found.get(ConditionType.HANDED_OVER)
    if said is not None and said.status is ConditionStatus.TRUE:
        return Event("Normal", "Released", f"Let go: {said.message} Nothing was done to it.")
    for each in filter(None, map(found.get, (ConditionType.ACCOUNT_CREATED, ConditionType.CLOSED))):
        if each.reason == Reason.NOT_OUR_ACCOUNT:
            return Event("Warning", "Released", f"Let go: {each.message}")
    return None


def _nobodys(account: AwsAccount) -> str:
    """What a retained account of a pool is; empty for an account that somebody had."""
    if not isinstance(account, PooledAccount):
        return ""
    placed = find(account.status.conditions, ConditionType.IN_POOL_OU)
    where = (
        placed.message if placed is not None and placed.status is ConditionStatus.TRUE else "It is in no OU of ours."
    )
    return f" Nobody has had it. {where} It counts towards the organization's quota until somebody closes it."


_DOORS = {ConditionType.QUARANTINED: "not quarantined", ConditionType.SSO_REVOKED: "single sign-on not revoked"}


def _left_open(account: AwsAccount) -> str:
    """What should have been done before the closure and was not; it matters only if AWS reopens the account.

    Nobody ever had access to a pool's member, and it is under the same policy where it is.
    """
    if isinstance(account, PooledAccount):
        return ""
    found = [words for kind, words in _DOORS.items() if not is_true(account.status.conditions, kind)]
    return f" Not done before that: {', '.join(found)}." if found else ""
