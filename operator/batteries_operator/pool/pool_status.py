"""What a pool's status says, and what of it has changed. Pure."""

from datetime import datetime
from typing import Any

from batteries_crds.account_pool import AccountPool, AccountPoolStatus, PoolCondition
from batteries_crds.conditions import ConditionStatus, is_true, upsert, without
from batteries_operator.pool.counts import Counts, MemberState
from batteries_operator.pool.refill import Decision, Progress


def status_of_pool(
    pool: AccountPool, progress: Progress, counts: Counts, decision: Decision, now: datetime
) -> AccountPoolStatus:
    """The whole status."""
    generation, conditions = pool.metadata.generation, pool.status.conditions
    filled = ConditionStatus.TRUE if decision.is_filled else ConditionStatus.FALSE
    said = decision.reason, decision.message
    conditions = upsert(conditions, PoolCondition.FILLED, filled, *said, generation=generation, now=now)
    if decision.is_stalled:
        stalled = ConditionStatus.TRUE
        conditions = upsert(conditions, PoolCondition.STALLED, stalled, *said, generation=generation, now=now)
    else:
        conditions = without(conditions, PoolCondition.STALLED)
    return AccountPoolStatus(
        observed_generation=generation,
        members=counts.members,
        ready=counts[MemberState.READY],
        preparing=counts[MemberState.PREPARING],
        stale=counts[MemberState.STALE],
        broken=counts[MemberState.BROKEN],
        claimed_today=counts[MemberState.CLAIMED],
        next_refill_at=decision.until,
        creations=list(progress.creations),
        underway=list(progress.underway),
        failures=progress.failures,
        failed_at=progress.failed_at,
        last_failure=progress.last_failure,
        retried=pool.retry if pool.retry is not None else pool.status.retried,
        conditions=conditions,
    )


def changed(before: AccountPoolStatus, after: AccountPoolStatus) -> dict[str, Any]:
    """The merge patch from one to the other; empty if nothing has changed."""
    old, new = before.to_wire(), after.to_wire()
    removed: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    return removed | {name: value for name, value in new.items() if old.get(name) != value}


def has_just_stalled(before: AccountPoolStatus, after: AccountPoolStatus) -> bool:
    """Whether no more are made from now on."""
    stalled = PoolCondition.STALLED
    return is_true(after.conditions, stalled) and not is_true(before.conditions, stalled)
