"""Which steps of an account are pending, which are runnable, and which one keeps it from being ready. Pure."""

from collections.abc import Sequence
from datetime import datetime

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import ACCOUNT_GONE, SUSPENDED_BY_AWS, ConditionStatus, find, is_true
from batteries_operator.aws.ownership import NOT_OURS
from batteries_operator.status.suspension_reason import is_outdated
from batteries_operator.steps.step import Step

OBSERVED_REASONS = frozenset({ACCOUNT_GONE, SUSPENDED_BY_AWS, NOT_OURS})
"""Reasons that are observations of AWS: an account that is closed today may be open tomorrow, a tag may be back."""


def is_current(step: Step, account: AwsAccount) -> bool:
    """Whether the step is done for the inputs as they are now."""
    record = account.status.steps.get(step.name)
    return (
        is_true(account.status.conditions, step.condition)
        and record is not None
        and record.inputs == step.fingerprint(account)
        and step.precondition(account)
    )


def is_waived(step: Step, account: AwsAccount) -> bool:
    """Whether the account is ready without the step, as long as its inputs stay as they are."""
    record, condition = account.status.steps.get(step.name), find(account.status.conditions, step.condition)
    return (
        record is not None
        and bool(record.waived)
        and record.inputs == step.fingerprint(account)
        and condition is not None
        and condition.status is ConditionStatus.FALSE
    )


def is_settled(step: Step, account: AwsAccount) -> bool:
    """Whether nothing waits for the step: it is done, or waived."""
    return is_current(step, account) or is_waived(step, account)


def gave_up(step: Step, account: AwsAccount) -> bool:
    """Whether the step failed for the present spec, and nobody has asked for a retry since."""
    record = account.status.steps.get(step.name)
    return (
        record is not None
        and record.gave_up_at == account.metadata.generation
        and record.gave_up_retry == account.retry
    )


def observed_failures(steps: Sequence[Step], account: AwsAccount) -> list[Step]:
    """The steps that failed because of an observation of AWS, which the resync tries again unasked."""
    return [step for step in steps if gave_up(step, account) and _reason(step, account) in OBSERVED_REASONS]


def _reason(step: Step, account: AwsAccount) -> str | None:
    condition = find(account.status.conditions, step.condition)
    return condition.reason if condition is not None else None


def is_overdue(step: Step, account: AwsAccount, now: datetime) -> bool:
    """Whether the step's trouble has lasted longer than its stall timeout; it is still tried."""
    record = account.status.steps.get(step.name)
    since = record.troubled_since if record is not None else None
    return since is not None and now - since > step.stall_timeout


def was_tried(step: Step, account: AwsAccount) -> bool:
    """Whether the step has had an outcome."""
    condition = find(account.status.conditions, step.condition)
    return condition is not None and condition.status != ConditionStatus.UNKNOWN


def blocking(steps: Sequence[Step], account: AwsAccount) -> Step | None:
    """The first step that keeps the account from being ready; an optional one does at most until it was tried."""
    for step in steps:
        if not is_settled(step, account) and (step.required or (step.awaited and not was_tried(step, account))):
            return step
    return None


def runnable(steps: Sequence[Step], account: AwsAccount) -> list[Step]:
    """The pending steps whose needs are met; empty if all are current, or nothing can be done."""
    return [
        step
        for number, step in enumerate(steps)
        if not is_settled(step, account)
        and not gave_up(step, account)
        and all(is_settled(needed, account) for needed in _needed(steps, number, account))
        and all(was_tried(each, account) for each in steps if each.condition in step.after)
    ]


def _needed(steps: Sequence[Step], number: int, account: AwsAccount) -> list[Step]:
    """The steps whose conditions it needs."""
    step = steps[number]
    if step.needs is None:
        return [before for before in steps[:number] if before.required]
    names = {*step.needs} - {*step.not_needed(account)}
    return [each for each in steps if each.condition in names]


def is_out_of_date(steps: Sequence[Step], account: AwsAccount) -> bool:
    """Whether the account needs a reconcile: an unobserved spec, a pending step, or an outdated reason."""
    observed = account.status.observed_generation == account.metadata.generation
    return not observed or bool(runnable(steps, account)) or is_outdated(account)
