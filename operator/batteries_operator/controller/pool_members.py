"""Reads and writes the members of pools for those who claim them."""

from collections.abc import Sequence
from typing import cast

from kubernetes.aio.client import ApiClient, ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, Resources, status_of
from batteries_crds.names import PreparationStep
from batteries_crds.pooled_account import Claimant, PooledAccount
from batteries_operator.reconcile.result_applier import PostEvent
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.status.status_writer import LostRaceError, StatusWriter
from batteries_operator.status.transitions import apply_outcome, summarize
from batteries_operator.steps.outcome import Fail, Wait
from batteries_operator.steps.step import Step


def pooled_accounts(api: ApiClient) -> Resources[AwsAccount]:
    """The PooledAccounts, as the accounts that they are: what is read is a PooledAccount, and so is what is written."""
    return cast("Resources[AwsAccount]", Resources(api, PooledAccount, FIELD_MANAGER))


class PoolMembers:
    """The members, with the steps that prepare them."""

    def __init__(self, members: Resources[AwsAccount], steps: Sequence[Step], post_event: PostEvent) -> None:
        """`members` are PooledAccounts, as `members_in` reads them."""
        self._members = members
        self._steps = steps
        self._look = next(step for step in steps if step.name is PreparationStep.LOOK_INSIDE)
        self._post_event = post_event

    async def find(self, namespace: str, name: str) -> PooledAccount | None:
        """The member as it is now; None if there is none.

        Raises:
            ApiException, UnreadableError: it can't be read.
        """
        return cast("PooledAccount | None", await self._members.find(namespace, name))

    async def with_account(self, namespace: str, aws_account_id: str) -> list[PooledAccount]:
        """The members in that namespace that name that AWS account.

        Raises:
            ApiException, UnreadableError: they can't be read.
        """
        named = self._members.all(namespace, field_selector=f"status.awsAccountId={aws_account_id}")
        return [cast(PooledAccount, each) async for each in named]

    async def claim(self, member: PooledAccount, claimant: Claimant) -> bool:
        """Writes who has taken it, into exactly this version of it; False if it has changed or is gone.

        Raises:
            ApiException, UNANSWERED: nobody knows whether it was written.
        """
        meta = member.metadata
        body = {
            "metadata": {"resourceVersion": meta.resource_version},
            "status": {"claimedBy": claimant.to_wire()},
        }
        try:
            await self._members.merge_status(meta.namespace, meta.name, body)
        except ApiException as error:
            if status_of(error) not in (CONFLICT, NOT_FOUND):
                raise
            return False
        return True

    async def refuse(self, member: PooledAccount, outcome: Fail | Wait) -> bool:
        """Writes why it can't be handed out, as the result of its look inside; False if it has changed or is gone.

        Its own steps go on from there: what failed waits for somebody, and what could not be told is looked at again.

        Raises:
            ApiException, UNANSWERED: nobody knows whether it was written.
        """
        writer, now = StatusWriter(self._members, member), utc_now()
        writer.account = summarize(self._steps, apply_outcome(self._steps, member, self._look, outcome, now), now)
        try:
            await writer.flush()
        except LostRaceError:
            return False
        self._post_event(writer.account, "Warning", outcome.reason, outcome.message)
        return True
