"""The time that has come on both clocks, ours and Kubernetes': nothing is done before the later one shows it."""

from datetime import datetime
from typing import Protocol

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now_exactly
from batteries_crds.identity import ObjectRef


class AccountReader(Protocol):
    """Reads accounts from Kubernetes, never from a cache."""

    async def read(self, account: ObjectRef) -> tuple[AwsAccount | None, datetime]:
        """The same object as it is now, or None if it is gone; and the time that has come on both clocks."""


def come(answered_at: datetime | None) -> datetime:
    """The earlier of our time and Kubernetes', `answered_at`, as its Date header has it.

    A proxy may take the header away; then there is our own clock only.
    """
    ours = utc_now_exactly()
    return ours if answered_at is None else min(ours, answered_at)
