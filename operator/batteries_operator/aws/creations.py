"""AWS Organizations' account creation requests: sent, followed, and found again.

AWS creates an account some time after it accepted the request, and accepts the same request twice. Only the name and
the tags of the request tell whose creation it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.organizations import Organizations
from batteries_operator.runtime.naming import names_account

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import CreateAccountStatusTypeDef


@dataclass(frozen=True, slots=True)
class CreationStatus:
    """AWS's state of a creation request."""

    request_id: str
    state: str
    account_id: str | None
    failure_reason: str | None
    requested: datetime | None = None
    completed: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None if it has not ended."""
        if self.requested is None or self.completed is None:
            return None
        return (self.completed - self.requested).total_seconds()


class Creations:
    """Calls to Organizations about accounts that do not exist yet."""

    def __init__(self, caller: Caller, organizations: Organizations) -> None:
        self._caller = caller
        self._organizations = organizations

    async def create(self, *, email: str, name: str, role: str, tags: Mapping[str, str]) -> CreationStatus:
        """Requests a member account; returns the state of the request. Not idempotent: write the intent first."""
        response = await self._organizations.write(
            "organizations:CreateAccount",
            self._organizations.client.create_account,
            Email=email,
            AccountName=name,
            RoleName=role,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return _status(response["CreateAccountStatus"])

    async def status(self, request_id: str) -> CreationStatus:
        """How far a creation is."""
        response = await self._caller.call(
            "organizations:DescribeCreateAccountStatus",
            self._organizations.client.describe_create_account_status,
            CreateAccountRequestId=request_id,
        )
        return _status(response["CreateAccountStatus"])

    async def in_progress(self) -> tuple[frozenset[str], int]:
        """The ids of the requests in progress, and the number of pages that listed them."""
        listing, found, pages = self._organizations.client.list_create_account_status, set(), 0
        async for page in self._caller.pages("organizations:ListCreateAccountStatus", listing, States=["IN_PROGRESS"]):
            found |= {status.get("Id", "") for status in page["CreateAccountStatuses"]}
            pages += 1
        return frozenset(found), pages

    async def find(self, account_id: str) -> CreationStatus | None:
        """The creation, running or succeeded, whose account name was made for `account_id`, our id."""
        pages = self._caller.pages(
            "organizations:ListCreateAccountStatus",
            self._organizations.client.list_create_account_status,
            States=["IN_PROGRESS", "SUCCEEDED"],
        )
        async for page in pages:
            for status in page["CreateAccountStatuses"]:
                if names_account(status.get("AccountName", ""), account_id):
                    return _status(status)
        return None


def _status(raw: "CreateAccountStatusTypeDef") -> CreationStatus:
    return CreationStatus(
        raw["Id"],
        raw["State"],
        raw.get("AccountId"),
        raw.get("FailureReason"),
        raw.get("RequestedTimestamp"),
        raw.get("CompletedTimestamp"),
    )
