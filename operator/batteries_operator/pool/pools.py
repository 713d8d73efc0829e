"""Fills each pool, one member after the other, and writes its status.

Only the next look at each pool is planned, in memory; the objects tell the rest. A look reads the pool live. Where a
member is missing, its name is written into the pool's status first, with the pool's resourceVersion, and only then is
it made: of two operators one writes, and after a crash in between the member of that name is made, not another one. A
pool at rest is looked at once an hour, without a write and without a call of AWS.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.account_pool import AccountPool, PoolReason
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, status_of, tolerated
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.errors import AwsError
from batteries_operator.limits.slots import Slots
from batteries_operator.pool import gauges
from batteries_operator.pool.counts import Counts, MemberState, what_broke
from batteries_operator.pool.index import PoolIndex, PoolKey
from batteries_operator.pool.pool_status import changed, has_just_stalled, status_of_pool
from batteries_operator.pool.refill import Decision, Progress, Seen, decide
from batteries_operator.pool.room import Room
from batteries_operator.runtime.delaying_queue import DelayingQueue
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.runtime.two_clocks import come

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SOON_SECONDS = 1.0
"""Between a change and the look at it, so that fifty members that are claimed together are one look."""

AGAIN_SECONDS = 30.0
"""The pause after Kubernetes refused or failed, and while customers wait."""

QUOTA_SECONDS = 600.0
"""The pause after AWS's quota left no room, or could not be read."""

LONGEST_SECONDS = 3600.0
"""The longest pause: after it the members are listed anew, in case a watch missed something."""

FRESH_SECONDS = 60.0
"""How old a list of the members may be on which a new one is made."""

PostEvent = Callable[[AccountPool, str, str, str], None]
"""Posts an Event: pool, type, reason, message."""


class Pools:
    """All pools that a watch has shown, and when each is looked at next."""

    def __init__(
        self,
        pools: Resources[AccountPool],
        members: Resources[PooledAccount],
        index: PoolIndex,
        room: Room,
        creations: Slots,
        post_event: PostEvent,
    ) -> None:
        self._pools, self._members, self._index = pools, members, index
        self._room, self._creations, self._post_event = room, creations, post_event
        self._queue: DelayingQueue[tuple[PoolKey, float]] = DelayingQueue()
        self._planned: dict[PoolKey, float] = {}
        self._listed_at: dict[PoolKey, float] = {}
        self._unreadable: dict[PoolKey, int] = {}
        self._existing: set[PoolKey] = set()
        self.filling = asyncio.Lock()
        """Held while a pool is looked at: one at a time, so that two don't count the same room in AWS's quota."""
        index.on_change = self._member_changed

    def pool_seen(self, pool: AccountPool) -> None:
        """Takes in a pool as it is now."""
        key = PoolKey(pool.metadata.namespace, pool.metadata.name)
        self._existing.add(key)
        self._index.pool_seen(pool)
        self._plan(key, SOON_SECONDS)

    def pool_gone(self, key: PoolKey) -> None:
        """Drops a pool that is gone."""
        self._existing.discard(key)
        self._listed_at.pop(key, None)
        self._unreadable.pop(key, None)
        self._planned.pop(key, None)
        gauges.drop(str(key))

    async def run(self) -> None:
        """Runs until cancelled, or until this operator loses the Lease."""
        while True:
            key, at = await self._queue.get()
            if self._planned.get(key) != at:
                continue  # it was planned for another time, or is gone
            del self._planned[key]
            try:
                async with self.filling:
                    self._plan(key, await self._look(key))
            except NotLeadingError:
                return
            except (ApiException, UnreadableError, *UNANSWERED) as error:
                log.warning("pool_not_filled", pool=str(key), error=str(error))
                self._plan(key, AGAIN_SECONDS)
            except Exception:  # one pool's fault must not stop the others
                log.exception("pool_raised", pool=str(key))
                self._plan(key, LONGEST_SECONDS)

    def _member_changed(self, key: PoolKey) -> None:
        if key in self._existing:
            self._plan(key, SOON_SECONDS)

    def _plan(self, key: PoolKey, seconds: float | None) -> None:
        """Plans a look in so many seconds, if none is planned for before; None: the pool is gone."""
        if seconds is None:
            return
        at = asyncio.get_running_loop().time() + min(seconds, LONGEST_SECONDS)
        if self._planned.get(key, at + 1) > at:
            self._planned[key] = at
            self._queue.put((key, at), min(seconds, LONGEST_SECONDS))

    async def _look(self, key: PoolKey) -> float | None:
        """Does what is due for a pool; returns in how many seconds to look again."""
        found, answered_at = await self._pools.find_dated(key.namespace, key.name)
        if found is None or found.metadata.deletion_timestamp is not None:
            return None
        now = come(answered_at).replace(microsecond=0)
        await self._list(key, LONGEST_SECONDS)
        progress, counts, decision = await self._judge(found, key, now)
        if decision.makes and await self._list(key, FRESH_SECONDS):
            progress, counts, decision = await self._judge(found, key, now)
        if decision.makes:
            decision = await self._ask_quota(found, decision)
        if decision.makes:
            progress, counts = progress.begun(str(uuid4()), now), counts.and_more(MemberState.PREPARING, 1)
            decision = decide(found.spec, counts, progress, now, customers_wait=False)
            self._room.take()
        if not await self._written(found, progress, counts, decision, now):
            return SOON_SECONDS  # somebody changed it: it is read again
        self._index.let_down.discard(key)
        unmade = [each.name for each in progress.underway if each.uid is None]
        for name in unmade:
            await self._make(found, name)
        return SOON_SECONDS if unmade else _seconds(decision, now)

    async def _list(self, key: PoolKey, seconds: float) -> bool:
        """Lists the members, unless that was done so short a time ago; returns whether it was done."""
        now = asyncio.get_running_loop().time()
        if now - self._listed_at.get(key, -LONGEST_SECONDS * 2) < seconds:
            return False
        before, selector = set(self._index.of(key)), f"spec.poolRef.name={key.name}"
        unreadable: list[UnreadableError] = []
        listed = self._members.all(key.namespace, field_selector=selector, unreadable=unreadable.append)
        self._index.listed(before, [member async for member in listed])
        for error in unreadable:
            log.warning("pool_member_unreadable", detail=str(error), meaning="It counts as broken.")
        self._listed_at[key], self._unreadable[key] = now, len(unreadable)
        return True

    async def _judge(self, pool: AccountPool, key: PoolKey, now: datetime) -> tuple[Progress, Counts, Decision]:
        """What became of the pool's members, how many there are, and what that means."""
        progress = Progress.of(pool.status, now)
        if pool.retry is not None and pool.retry != pool.status.retried:
            progress = progress.retried()
        seen = {each.name: await self._seen(key, each.name, each.uid) for each in progress.underway}
        progress = progress.settled({name: each for name, each in seen.items() if each is not None}, now)
        progress = progress.let_down(now) if key in self._index.let_down else progress
        unreadable = [MemberState.BROKEN] * self._unreadable[key]
        there = Counts.among([*(each.state for each in self._index.of(key).values()), *unreadable])
        if there.members >= pool.spec.size:
            progress = progress.without_unmade()
        counts = there.and_more(MemberState.PREPARING, sum(each.uid is None for each in progress.underway))
        waits = self._creations.waiting_customers > 0
        return progress, counts, decide(pool.spec, counts, progress, now, customers_wait=waits)

    async def _seen(self, key: PoolKey, name: str, uid: str | None) -> Seen | None:
        """The member of that name, which the watch may not have shown yet; None if it is still to be made."""
        known = next((each for each in self._index.of(key).values() if each.member.metadata.name == name), None)
        if known is None:
            member = await self._members.find(key.namespace, name)
            if member is None:
                return None if uid is None else Seen(None)
            self._index.seen(member)
            known = self._index.of(key)[member.metadata.uid]
        why = what_broke(known.member) if known.state is MemberState.BROKEN else ""
        return Seen(known.state, known.member.metadata.uid, why)

    async def _ask_quota(self, pool: AccountPool, decision: Decision) -> Decision:
        """The same decision, unless AWS's quota leaves no room."""
        reserve = pool.spec.quota_reserve
        try:
            left = await self._room.left()
        except AwsError as error:
            log.warning("quota_unknown", pool=pool.key, error=error.cause)
            message = f"Nothing is made while the quota of accounts can't be read: {error.words}"
            return Decision(PoolReason.QUOTA_UNKNOWN, message)
        if left > reserve:
            return decision
        message = (
            f"The organization's quota of accounts leaves room for no more than the {reserve} that spec.quotaReserve "
            "leaves to customers. Have 'Maximum number of accounts' raised in Service Quotas."
        )
        return Decision(PoolReason.QUOTA_REACHED, message)

    async def _written(
        self, pool: AccountPool, progress: Progress, counts: Counts, decision: Decision, now: datetime
    ) -> bool:
        """Writes the status if it has changed; returns False if somebody else changed the pool meanwhile."""
        key = PoolKey(pool.metadata.namespace, pool.metadata.name)
        status = status_of_pool(pool, progress, counts, decision, now)
        gauges.show(str(key), pool.spec.size, counts, decision)
        if not (change := changed(pool.status, status)):
            return True
        body = {"metadata": {"resourceVersion": pool.metadata.resource_version}, "status": change}
        try:
            written = await self._pools.merge_status(key.namespace, key.name, body)
        except ApiException as error:
            if status_of(error) not in (CONFLICT, NOT_FOUND):
                raise
            return False
        if has_just_stalled(pool.status, written.status):
            self._post_event(written, "Warning", PoolReason.TOO_MANY_FAILURES, decision.message)
        return True

    async def _make(self, pool: AccountPool, name: str) -> None:
        """Makes the member that is named in the pool's status; a repeat changes nothing."""
        namespace, spec = pool.metadata.namespace, pool.spec
        wanted = {"poolRef": {"name": pool.metadata.name}, "deletionPolicy": spec.deletion_policy.value}
        with tolerated(CONFLICT):
            self._index.seen(await self._members.create(namespace, {"metadata": {"name": name}, "spec": wanted}))
            log.info("pool_member_made", pool=pool.key, member=name)


def _seconds(decision: Decision, now: datetime) -> float:
    """In how many seconds a pool is looked at again, if nothing else happens."""
    if decision.until is not None:
        return max((decision.until - now).total_seconds(), SOON_SECONDS)
    if decision.reason is PoolReason.CUSTOMERS_FIRST:
        return AGAIN_SECONDS
    if decision.reason in (PoolReason.QUOTA_REACHED, PoolReason.QUOTA_UNKNOWN):
        return QUOTA_SECONDS
    return LONGEST_SECONDS
