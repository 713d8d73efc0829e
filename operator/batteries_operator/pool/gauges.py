"""The gauges of each pool, as it was last looked at."""

import contextlib

from batteries_operator.pool.counts import Counts, MemberState
from batteries_operator.pool.refill import Decision
from batteries_operator.runtime.metrics import POOL_MEMBERS, POOL_SIZE, POOL_STALLED


def show(pool: str, size: int, counts: Counts, decision: Decision) -> None:
    """Sets them; `pool` is `namespace/name`."""
    for state in MemberState:
        POOL_MEMBERS.labels(pool, state.value).set(counts[state])
    POOL_SIZE.labels(pool).set(size)
    POOL_STALLED.labels(pool).set(decision.is_stalled)


def drop(pool: str) -> None:
    """Drops them; the pool is gone."""
    with contextlib.suppress(KeyError):  # it was never looked at
        for state in MemberState:
            POOL_MEMBERS.remove(pool, state.value)
        POOL_SIZE.remove(pool)
        POOL_STALLED.remove(pool)
