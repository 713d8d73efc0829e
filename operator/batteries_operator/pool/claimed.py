"""Deletes a member's object a day after it was claimed: the AwsAccount has the AWS account then, and says so itself.

Until then it shows who has taken what. An object whose claim is not over stays: nobody else may decide it.
"""

from datetime import timedelta

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now_exactly
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, tolerated
from batteries_crds.pooled_account import Claimant, PooledAccount
from batteries_operator.runtime.delaying_queue import DelayingQueue
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.runtime.two_clocks import come

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

KEPT = timedelta(hours=24)

AGAIN_SECONDS = 600.0
"""The pause while a claim is not over, or after Kubernetes refused or failed."""

LONGEST_SECONDS = 3600.0
"""The longest sleep: a machine that was suspended, or whose clock was set, finds out within the hour."""


class ClaimedMembers:
    """The claimed members, and when each is deleted."""

    def __init__(self, members: Resources[PooledAccount], accounts: Resources[AwsAccount]) -> None:
        self._members, self._accounts = members, accounts
        self._queue: DelayingQueue[ObjectRef] = DelayingQueue()
        self._planned: set[str] = set()

    def claimed(self, member: PooledAccount) -> None:
        """Takes in a member that somebody has."""
        claimed_by, ref = member.status.claimed_by, ObjectRef.of(member)
        if claimed_by is not None and ref.uid not in self._planned and not member.is_deleted:
            self._planned.add(ref.uid)
            self._queue.put(ref, _seconds_left(claimed_by))

    async def run(self) -> None:
        """Runs until cancelled, or until this operator loses the Lease."""
        while True:
            ref = await self._queue.get()
            try:
                pause = await self._delete(ref)
            except NotLeadingError:
                return
            except (ApiException, UnreadableError, *UNANSWERED) as error:
                log.warning("claimed_member_not_deleted", member=ref.key, error=str(error))
                pause = AGAIN_SECONDS
            except Exception:  # one member's fault must not stop the others
                log.exception("claimed_member_raised", member=ref.key)
                pause = LONGEST_SECONDS
            if pause is None:
                self._planned.discard(ref.uid)
            else:
                self._queue.put(ref, pause)

    async def _delete(self, ref: ObjectRef) -> float | None:
        """Deletes the object if its time has come; else returns in how many seconds to look again."""
        member, answered_at = await self._members.find_dated(ref.namespace, ref.name)
        if member is None or member.metadata.uid != ref.uid or member.is_deleted or member.status.claimed_by is None:
            return None
        claimed_by = member.status.claimed_by
        if come(answered_at) < claimed_by.at + KEPT:
            return _seconds_left(claimed_by)
        if await self._is_under_way(ref.namespace, claimed_by):
            return AGAIN_SECONDS
        with tolerated(CONFLICT, NOT_FOUND):
            await self._members.delete(ref.namespace, ref.name, exactly=member.metadata)
            return None
        return AGAIN_SECONDS

    async def _is_under_way(self, namespace: str, claimed_by: Claimant) -> bool:
        """Whether the claimant is there and has no AWS account yet. Where it is gone, the member's release decides."""
        account = await self._accounts.find(namespace, claimed_by.name)
        if account is None or account.metadata.uid != claimed_by.uid:
            return False
        return account.status.aws_account_id is None


def _seconds_left(claimed_by: Claimant) -> float:
    """Until the object's time comes by our clock; soon again where Kubernetes' clock is behind ours."""
    left = (claimed_by.at + KEPT - utc_now_exactly()).total_seconds()
    return min(max(left, 1.0), LONGEST_SECONDS)
