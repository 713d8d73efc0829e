"""The deletion of a pool: its unclaimed members are deleted, each by its own policy, and one Event says what stays.

A member that is being claimed may be claimed to the end: it is deleted with the resourceVersion that showed it free, so
either the claim or the deletion wins.
"""

import asyncio

import structlog

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, Resources, tolerated
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.pool.pools import PostEvent

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LOOK_SECONDS, LONGEST_SECONDS = 2.0, 300.0
"""Between two looks at whether the members are gone, at first and at most: a closure may take weeks."""

MOST_IDS = 30
"""AWS accounts that the Event names; more would not fit."""


class PoolEnding:
    """Ends pools; `filling` is held while any pool gets a member."""

    def __init__(
        self,
        pools: Resources[AccountPool],
        members: Resources[PooledAccount],
        filling: asyncio.Lock,
        post_event: PostEvent,
    ) -> None:
        self._pools, self._members, self._filling, self._post_event = pools, members, filling, post_event

    async def release(self, ref: ObjectRef) -> None:
        """Returns when the pool has no unclaimed member any more; closures may take weeks."""
        released: dict[str, PooledAccount] = {}
        pause = LOOK_SECONDS
        while left := await self._delete(ref):
            released |= {each.metadata.uid: each for each in left}
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_SECONDS)
        pool = await self._pools.find(ref.namespace, ref.name)
        log.info("pool_released", pool=ref.key, members=len(released))
        if pool is not None:
            self._post_event(pool, "Normal", "Released", _sentence([*released.values()]))

    async def _delete(self, ref: ObjectRef) -> list[PooledAccount]:
        """Deletes those that are not being deleted; returns all unclaimed ones."""
        async with self._filling:  # a member that is being made now is in the list, and none is made after it
            selector = f"spec.poolRef.name={ref.name}"
            members = [each async for each in self._members.all(ref.namespace, field_selector=selector)]
        unclaimed = [each for each in members if not each.is_claimed]
        for each in unclaimed:
            if not each.is_deleted:
                with tolerated(CONFLICT, NOT_FOUND):
                    await self._members.delete(ref.namespace, each.metadata.name, exactly=each.metadata)
        return unclaimed


def _sentence(released: list[PooledAccount]) -> str:
    """What is left in AWS of these members."""
    kept = [each.status.aws_account_id for each in released if each.spec.deletion_policy is not DeletionPolicy.CLOSE]
    ids = sorted(each for each in kept if each is not None)
    closed = len(released) - len(kept)
    members = "1 member" if len(released) == 1 else f"{len(released)} members"
    parts = [f"The pool is deleted, and with it {members} that nobody had."]
    if ids:
        more = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
        parts.append(
            f"These AWS accounts stay in the organization, in the OU of pools, and count towards its quota: "
            f"{', '.join(ids[:MOST_IDS])}{more}."
        )
    if closed:
        parts.append("1 was closed." if closed == 1 else f"{closed} were closed.")
    return " ".join(parts)
