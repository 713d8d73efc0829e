"""The members of all pools, as watch events show them: which can be claimed, and how many are in which state.

The index decides nothing that can't be undone. A claim reads the member live and takes it with its resourceVersion, and
a pool counts its members in Kubernetes before it makes one. So an event that comes late costs a try, and no account.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from batteries_crds.account_pool import AccountPool
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.pool.counts import IsCurrent, MemberState, state_of

WAS_READY = frozenset({MemberState.STALE, MemberState.BROKEN})
"""States of a member that may have been ready once, and is not now."""


class PoolKey(NamedTuple):
    """A pool; members name theirs, whether it exists or not."""

    namespace: str
    name: str

    @classmethod
    def of(cls, member: PooledAccount) -> "PoolKey":
        """The member's."""
        return cls(member.metadata.namespace, member.spec.pool_ref.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Known:
    """A member, and its state when it was seen."""

    member: PooledAccount
    state: MemberState


class PoolIndex:
    """Members by UID. Of each namespace the oldest ready one is handed out first, whichever pool it is in."""

    def __init__(
        self, is_current: IsCurrent, queued: Callable[[str], Iterable[str]], wake: Callable[[str], None]
    ) -> None:
        """`queued` gives the accounts of a namespace that wait for AWS to create them, the next first."""
        self._is_current, self._queued, self._wake = is_current, queued, wake
        self._known: dict[str, Known] = {}
        self._pools: set[str] = set()
        self._of_pool: defaultdict[PoolKey, set[str]] = defaultdict(set)
        self._ready: defaultdict[str, set[str]] = defaultdict(set)
        self._claimed: dict[str, str] = {}
        self._given_back: set[str] = set()
        self.reservations = Reservations()
        self.on_change: Callable[[PoolKey], None] = lambda _: None
        """Called with the pool of a member whose state has changed."""
        self.on_claimed: Callable[[PooledAccount], None] = lambda _: None
        """Called with each claimed member that is seen."""
        self.let_down: set[PoolKey] = set()
        """Pools of which a member was deleted that was broken or stale. Whoever heeds it discards the entry."""

    @property
    def is_used(self) -> bool:
        """Whether there is any pool or member."""
        return bool(self._known or self._pools)

    def pool_seen(self, pool: AccountPool) -> None:
        """Takes in that there is such a pool."""
        self._pools.add(pool.metadata.uid)

    def seen(self, member: PooledAccount) -> None:
        """Takes in a member as it is now; what is older than what is known changes nothing."""
        meta, key = member.metadata, PoolKey.of(member)
        before = self._known.get(meta.uid)
        if before is not None and before.member.metadata.version > meta.version:
            return
        state = state_of(member, self._is_current)
        now = Known(_slimmed(member, state), state)
        self._keep(key, now)
        if before is not None and before.state is now.state:
            return
        if before is not None and before.state in WAS_READY and now.state is MemberState.DELETING:
            self.let_down.add(key)
        if now.state is MemberState.READY:
            self._tell_waiting(meta.namespace)
        self.on_change(key)

    def forget(self, uid: str) -> None:
        """Drops a member or a pool, which is gone."""
        self._pools.discard(uid)
        if (known := self._known.pop(uid, None)) is None:
            return
        key = PoolKey.of(known.member)
        self._given_back.discard(uid)
        self._ready[key.namespace].discard(uid)
        self._of_pool[key].discard(uid)
        if not self._of_pool[key]:
            del self._of_pool[key]
        if (claimed_by := known.member.status.claimed_by) is not None:
            self._claimed.pop(claimed_by.uid, None)
        self.on_change(key)

    def listed(self, known_before: Collection[str], members: Iterable[PooledAccount]) -> None:
        """Takes in all members of a pool as a list shows them. Of those `known_before` the list, what is not in it is
        gone: a watch that was broken off may have missed that.
        """
        there = set()
        for member in members:
            there.add(member.metadata.uid)
            self.seen(member)
        for uid in set(known_before) - there:
            self.forget(uid)

    def of(self, key: PoolKey) -> dict[str, Known]:
        """The members of a pool by UID, claimed ones too."""
        return {uid: self._known[uid] for uid in self._of_pool.get(key, ())}

    def without_account(self) -> int:
        """How many members AWS has not made yet."""
        members = (each.member for each in self._known.values())
        return sum(each.is_wanted and each.status.aws_account_id is None for each in members)

    def reserve(self, namespace: str, uid: str, tried: Collection[str] = ()) -> PooledAccount | None:
        """The oldest ready member of the namespace that is not in `tried` and no other account's; the same account
        gets its own again. None if there is none. Its steps, conditions and history are not kept here: read it live.
        """
        ready = self._ready[namespace]
        own = self.reservations.of(uid)
        if own in ready and own not in tried:
            return self._known[own].member
        self.reservations.forget(uid)
        free = [self._known[each].member for each in ready if each not in tried and not self.reservations.has(each)]
        if not free:
            return None
        # One that was given back may just have been claimed, which the watch has not shown yet.
        first = min(free, key=lambda each: (each.metadata.uid in self._given_back, each.since, each.metadata.name))
        self.reservations.hold(uid, first.metadata.uid)
        return first

    def unreserve(self, uid: str) -> None:
        """That account does not want its member any more; the next one in the queue may."""
        own = self.reservations.of(uid)
        self.reservations.forget(uid)
        if own in self._known and self._known[own].state is MemberState.READY:
            self._given_back.add(own)
            self._tell_waiting(self._known[own].member.metadata.namespace, but=uid)

    def taken_by(self, uid: str) -> PooledAccount | None:
        """The member that the account has taken."""
        known = self._known.get(self._claimed.get(uid, ""))
        return None if known is None else known.member

    def is_ready(self, member: PooledAccount) -> bool:
        """Whether the member, as it was read now, can be claimed."""
        return state_of(member, self._is_current) is MemberState.READY

    def _keep(self, key: PoolKey, now: Known) -> None:
        uid = now.member.metadata.uid
        self._known[uid] = now
        self._given_back.discard(uid)
        self._of_pool[key].add(uid)
        (self._ready[key.namespace].add if now.state is MemberState.READY else self._ready[key.namespace].discard)(uid)
        if (claimed_by := now.member.status.claimed_by) is not None:
            self._claimed[claimed_by.uid] = uid
            self.on_claimed(now.member)

    def _tell_waiting(self, namespace: str, but: str | None = None) -> None:
        """Wakes as many accounts as there are ready members: one that was woken before may not have come yet."""
        waiting = (each for each in self._queued(namespace) if each != but)
        for account in list(islice(waiting, len(self._ready[namespace]))):
            self._wake(account)


def _slimmed(member: PooledAccount, state: MemberState) -> PooledAccount:
    """Without what nobody asks the index for: that is five sixths of the thirty kilobytes that a member takes."""
    conditions = member.status.conditions if state is MemberState.BROKEN else []
    less = {"history": [], "steps": {}, "conditions": conditions}
    return member.model_copy(update={"status": member.status.model_copy(update=less)})


class Reservations:
    """Which account is about to take which member. It only spares two accounts a race for one member, so memory is
    enough.
    """

    def __init__(self) -> None:
        self._member_of: dict[str, str] = {}
        self._held: set[str] = set()

    def of(self, account: str) -> str | None:
        """The account's member."""
        return self._member_of.get(account)

    def has(self, member: str) -> bool:
        """Whether somebody is about to take it."""
        return member in self._held

    def hold(self, account: str, member: str) -> None:
        """Notes it."""
        self._member_of[account] = member
        self._held.add(member)

    def forget(self, uid: str) -> None:
        """The account has its member, or does not want one any more."""
        if (member := self._member_of.pop(uid, None)) is not None:
            self._held.discard(member)
