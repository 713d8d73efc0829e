"""What state each member of a pool is in, and how many of a pool are in which. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from batteries_crds.conditions import PROVISIONED, READY, STALLED, find, is_true
from batteries_crds.pooled_account import PooledAccount

IsCurrent = Callable[[PooledAccount], bool]
"""Whether every step of the preparation is done for its inputs as they are now."""


class MemberState(StrEnum):
    """Where a member is. All but CLAIMED count towards the pool's size: what is broken or being deleted is not
    replaced before it is gone."""

    PREPARING = "preparing"
    READY = "ready"
    STALE = "stale"
    BROKEN = "broken"
    DELETING = "deleting"
    CLAIMED = "claimed"


def state_of(member: PooledAccount, is_current: IsCurrent) -> MemberState:
    """The member's state; what is not known to be ready is not."""
    conditions, meta = member.status.conditions, member.metadata
    if member.is_claimed:
        return MemberState.CLAIMED
    if member.is_deleted:
        return MemberState.DELETING
    if is_true(conditions, STALLED):
        return MemberState.BROKEN
    observed = member.status.observed_generation == meta.generation
    if observed and is_true(conditions, READY) and is_current(member):
        return MemberState.READY
    return MemberState.STALE if is_true(conditions, PROVISIONED) else MemberState.PREPARING


def what_broke(member: PooledAccount) -> str:
    """Why a broken member is broken, as a sentence."""
    stalled = find(member.status.conditions, STALLED)
    return (stalled.message if stalled is not None else "") or member.status.error or "It does not say why."


@dataclass(frozen=True, slots=True)
class Counts:
    """How many members of one pool are in which state."""

    of: Counter[MemberState]

    @classmethod
    def among(cls, states: Iterable[MemberState]) -> "Counts":
        """Counts these."""
        return cls(Counter(states))

    def __getitem__(self, state: MemberState) -> int:
        return self.of[state]

    def and_more(self, state: MemberState, number: int) -> "Counts":
        """With so many more in that state."""
        return Counts(self.of + Counter({state: number}))

    @property
    def members(self) -> int:
        """All that count towards the pool's size."""
        return self.of.total() - self.of[MemberState.CLAIMED]
