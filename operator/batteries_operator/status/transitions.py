"""Transitions of the status: a step begins, its outcome is applied, the summaries follow. Pure: no I/O, no clock.

Nothing sets a phase. Steps set their conditions; phase, step and summaries are derived from those here, so that they
can't contradict each other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import (
    ACCOUNT_GONE,
    PINNED,
    PROVISIONED,
    READY,
    RECONCILING,
    STALLED,
    SUSPENDED,
    SUSPENDED_BY_AWS,
    Condition,
    ConditionStatus,
    find,
    is_true,
    upsert,
    without,
)
from batteries_crds.names import ConditionType, EventStatus, Phase, ProvisioningStep
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.reasons import Reason
from batteries_crds.step_records import HistoryEvent, StepRecord, appended
from batteries_operator.status import suspension_reason
from batteries_operator.status.pending import blocking, gave_up, is_current, is_overdue, is_settled
from batteries_operator.status.pinned import pinned
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait, Waive
from batteries_operator.steps.step import Step

_TO_USE = "The AWS account is ready to use."
_TO_HAND_OUT = "The AWS account is ready to be handed out. Nobody has used it."


def begin(steps: Sequence[Step], account: AwsAccount, step: Step, now: datetime) -> AwsAccount:
    """The account with `step` marked as begun; the history notes each run once."""
    account = _undone(account, step, now)
    status = account.status
    condition = find(status.conditions, step.condition)
    record = status.steps.get(step.name)
    given_up = record is not None and record.gave_up_at is not None
    begun = condition is not None and (
        condition.reason == Reason.IN_PROGRESS or condition.status == ConditionStatus.FALSE
    )
    if begun and not given_up:
        return account  # on an earlier reconcile
    # The condition of a step that runs again stays true until the step finds otherwise.
    state = condition.status if condition is not None else ConditionStatus.UNKNOWN
    reason: str = Reason.IN_PROGRESS
    message = f"{step.name} has begun."
    if step.initial_wait is not None and state is ConditionStatus.UNKNOWN:
        state, reason, message = ConditionStatus.FALSE, step.initial_wait.reason, step.initial_wait.message
    conditions = upsert(
        _all_known(steps, account, now),
        step.condition,
        state,
        reason,
        message,
        generation=account.metadata.generation,
        now=now,
    )
    event = HistoryEvent(timestamp=now, step=step.name, status=EventStatus.STARTED)
    return _with(account, conditions=conditions, history=appended(status.history, event))


def apply_outcome(
    steps: Sequence[Step], account: AwsAccount, step: Step, outcome: Outcome, now: datetime
) -> AwsAccount:
    """The account with the outcome of `step` in its conditions, fields and history."""
    generation = account.metadata.generation
    record = account.status.steps.get(step.name, StepRecord())
    cause = outcome.cause[:1024] or None
    event: HistoryEvent | None
    match outcome:
        case Done(message=message):
            state, reason = ConditionStatus.TRUE, Reason.DONE
            record = StepRecord(inputs=outcome.inputs or step.fingerprint(account))
            event = HistoryEvent(
                timestamp=now, step=step.name, status=EventStatus.SUCCEEDED, detail=message[:1024], cause=cause
            )
        case Wait(reason=reason, message=message, is_problem=problem, can_stall=can_stall):
            state = ConditionStatus.FALSE
            record = StepRecord(
                inputs=record.inputs,
                troubled_since=(record.troubled_since or now) if can_stall else None,
                error=message[:1024] if problem else None,
                cause=cause if problem else None,
                told=reason if problem else record.told,
            )
            event = None
        case Waive(reason=reason, message=message):
            state = ConditionStatus.FALSE
            record = StepRecord(inputs=step.fingerprint(account), waived=True)
            event = None
        case Fail(reason=reason, message=message):
            state = ConditionStatus.FALSE
            record = StepRecord(
                inputs=record.inputs,
                gave_up_at=generation,
                gave_up_retry=account.retry,
                error=message[:1024],
                cause=cause,
            )
            event = HistoryEvent(
                timestamp=now,
                step=step.name,
                status=EventStatus.FAILED,
                detail=reason,
                error=message[:1024],
                cause=cause,
            )
    conditions = upsert(
        _all_known(steps, account, now), step.condition, state, reason, message, generation=generation, now=now
    )
    return _with(
        account,
        conditions=conditions,
        steps={**account.status.steps, step.name: record},
        history=appended(account.status.history, event) if event else account.status.history,
        **outcome.facts,
    )


def _undone(account: AwsAccount, step: Step, now: datetime) -> AwsAccount:
    """The account with the conditions Unknown that the step makes untrue, so that their steps are pending."""
    conditions = account.status.conditions
    for kind in step.invalidates:
        found = find(conditions, kind)
        if found is not None and found.reason != Reason.UNDONE:
            conditions = upsert(
                conditions,
                kind,
                ConditionStatus.UNKNOWN,
                Reason.UNDONE,
                f"Undone by {step.name}.",
                generation=account.metadata.generation,
                now=now,
            )
    return _with(account, conditions=conditions)


def summarize(steps: Sequence[Step], account: AwsAccount, now: datetime) -> AwsAccount:
    """The account with everything derived anew: summaries, phase, step, observed generation."""
    generation = account.metadata.generation
    conditions = _observed(steps, account, _all_known(steps, account, now))
    block = blocking(steps, account)
    overdue = block is not None and is_overdue(block, account, now)
    stalled = block is not None and (gave_up(block, account) or overdue)

    def put(kind: str, state: ConditionStatus, reason: str, message: str) -> None:
        nonlocal conditions
        conditions = upsert(conditions, kind, state, reason, message, generation=generation, now=now)

    if block is None and account.is_wanted:
        conditions = without(conditions, SUSPENDED)
    for kind, state, reason, message in _verdicts(account, block, conditions):
        put(kind, state, reason, message)
    for kind, holds in ((STALLED, stalled), (RECONCILING, block is not None and not stalled)):
        if holds and block is not None:
            cause = find(conditions, block.condition)
            message = cause.message if cause else ""
            if overdue:
                message += f" That has lasted for more than {_minutes(block.stall_timeout)}; it is still tried."
            put(kind, ConditionStatus.TRUE, cause.reason if cause else Reason.NOT_STARTED, message)
        else:
            conditions = without(conditions, kind)
    conditions = _with_pinned(account, conditions, now)
    phase = _phase(account, conditions)
    error, why = _error(steps, account)
    return _with(
        account,
        conditions=conditions,
        observed_generation=generation,
        account_id=str(account.account_id),
        phase=phase,
        provisioning_step=_step(steps, account, phase, block),
        error=error,
        cause=why,
    )


def _verdicts(
    account: AwsAccount, block: Step | None, conditions: Sequence[Condition]
) -> list[tuple[ConditionType, ConditionStatus, str, str]]:
    """Ready, and what else follows from which step is pending: type, status, reason and message of each."""
    if block is not None:
        cause = find(conditions, block.condition)
        why = (cause.reason, cause.message) if cause else (Reason.NOT_STARTED, "")
        return [(kind, ConditionStatus.FALSE, *why) for kind in (READY, *_not_so_any_more(account, conditions))]
    if account.is_wanted:
        ready = _TO_HAND_OUT if isinstance(account, PooledAccount) else _TO_USE
        provisioned = (PROVISIONED, ConditionStatus.TRUE, Reason.ACTIVE, "The AWS account was provisioned.")
        return [(READY, ConditionStatus.TRUE, Reason.ACTIVE, ready), provisioned]
    why = suspension_reason.why(account)
    closed = (SUSPENDED, ConditionStatus.TRUE, *why)
    return [(READY, ConditionStatus.FALSE, *why), *([] if isinstance(account, PooledAccount) else [closed])]


def _with_pinned(account: AwsAccount, conditions: list[Condition], now: datetime) -> list[Condition]:
    """The conditions with Pinned as AWS admits repositories now; without it while none is admitted."""
    state = pinned(account)
    if state is None:
        return without(conditions, PINNED)
    status = ConditionStatus.TRUE if state.reason == Reason.PINNED_BY_IDS else ConditionStatus.FALSE
    generation = account.metadata.generation
    return upsert(conditions, PINNED, status, state.reason, state.message, generation=generation, now=now)


def _not_so_any_more(account: AwsAccount, conditions: Sequence[Condition]) -> list[ConditionType]:
    """The summaries that are false while a step is pending.

    Provisioned stays true for ever. Suspended stays true on a resume until everything is open, and while AWS closes the
    account. It becomes false if the account should be suspended and a closing step is pending again.
    """
    kinds = [] if is_true(conditions, PROVISIONED) else [PROVISIONED]
    opened = account.is_wanted or account.is_deleted or _is_only_to_be_closed(account, conditions)
    return kinds if opened or not is_true(conditions, SUSPENDED) else [*kinds, SUSPENDED]


def _is_only_to_be_closed(account: AwsAccount, conditions: Sequence[Condition]) -> bool:
    """Whether AWS is to close the account, and the quarantine keeps everybody out of it already."""
    return account.is_closure_due and is_true(conditions, ConditionType.QUARANTINED)


def _error(steps: Sequence[Step], account: AwsAccount) -> tuple[str | None, str | None]:
    """Error and cause of the first required step that has a problem."""
    for step in steps:
        record = account.status.steps.get(step.name)
        if step.required and record is not None and record.error and not is_current(step, account):
            return record.error, record.cause
    return None, None


def _minutes(timeout: timedelta) -> str:
    return f"{timeout.total_seconds() / 60:g} minutes"


def _phase(account: AwsAccount, conditions: Sequence[Condition]) -> Phase:
    status = account.status
    quarantined = (account.is_deleted or account.is_closure_due) and is_true(conditions, ConditionType.QUARANTINED)
    if is_true(conditions, SUSPENDED) or quarantined:
        return Phase.SUSPENDED
    seen = {condition.reason for condition in conditions if condition.status == ConditionStatus.FALSE}
    if SUSPENDED_BY_AWS in seen:
        return Phase.SUSPENDED
    if ACCOUNT_GONE in seen:  # provisioned once, and now nobody can use it
        return Phase.FAILED
    if is_true(conditions, PROVISIONED):
        return Phase.ACTIVE
    if is_true(conditions, STALLED):
        return Phase.FAILED
    if status.create_request is None and status.claim is None and status.aws_account_id is None:
        return Phase.PENDING
    return Phase.CREATING


def _step(steps: Sequence[Step], account: AwsAccount, phase: Phase, block: Step | None) -> ProvisioningStep:
    if phase is Phase.FAILED:
        return ProvisioningStep.FAILED
    if block is not None and isinstance(block.name, ProvisioningStep):
        return block.name
    # Closing an account is no provisioning step: keep the step from which provisioning will go on.
    if not account.is_wanted:
        return account.status.provisioning_step
    if block is None:
        return ProvisioningStep.COMPLETE
    # The contract does not name this step: clients see the last contract step before it.
    before = [step.name for step in steps[: steps.index(block)] if isinstance(step.name, ProvisioningStep)]
    return before[-1] if before else ProvisioningStep.CREATE_ACCOUNT


def _all_known(steps: Sequence[Step], account: AwsAccount, now: datetime) -> list[Condition]:
    """The conditions, with those of steps that have not begun as Unknown, in the pipeline's order."""
    conditions = list(account.status.conditions)
    known = {condition.type for condition in conditions}
    for step in steps:
        if step.condition not in known:
            conditions = upsert(
                conditions,
                step.condition,
                ConditionStatus.UNKNOWN,
                Reason.NOT_STARTED,
                "",
                generation=account.metadata.generation,
                now=now,
            )
    return conditions


def _observed(steps: Sequence[Step], account: AwsAccount, conditions: list[Condition]) -> list[Condition]:
    """The conditions of current steps count as observed for this generation, though nothing had to be done.

    An account that was taken back before its closure, or reopened after it, has no condition Closed any more.
    """
    current = {step.condition for step in steps if is_settled(step, account)}
    generation = account.metadata.generation
    return [
        condition.model_copy(update={"observed_generation": generation})
        if condition.type in current and condition.observed_generation != generation
        else condition
        for condition in conditions
        if condition.type != ConditionType.CLOSED or account.is_deleted or account.is_closure_due or account.is_closed
    ]


def _with(account: AwsAccount, **changes: object) -> AwsAccount:
    return account.model_copy(update={"status": account.status.model_copy(update=changes)})
