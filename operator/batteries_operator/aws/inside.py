"""What is in a member account, counted: enough to see cheaply that somebody was there.

An account that a pool prepared has our roles and providers in it and nothing else. Four reads show whether that is
still so: IAM's summary, its roles, the trails of CloudTrail and the buckets of S3. What AWS puts there by itself does
not count: service-linked roles, Identity Center's roles, and the trails of the organization.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.member_clients import MemberClient
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.sts import Credentials
from batteries_operator.runtime.watchdog import concurrent_step

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

COUNTED = (
    *("Users", "Groups", "Policies", "Providers", "InstanceProfiles", "ServerCertificates", "MFADevices"),
    *("AccountMFAEnabled", "AccountAccessKeysPresent", "AccountSigningCertificatesPresent", "AccountPasswordPresent"),
)
"""Of IAM's summary (botocore's iam model, summaryKeyType): what somebody can have made; those of "Account" are the root
user's."""

AWS_OWN = ("/aws-service-role/", "/aws-reserved/")
"""The paths of roles that only AWS makes (IAM user guide, "IAM identifiers")."""

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One look into one account."""

    caller: Caller
    account: OwnedAccount
    keys: Credentials
    clients: Mapping[str, Any]

    def _client(self, service: str) -> Any:
        return MemberClient(self.clients[service], self.keys.for_botocore())

    async def identities(self) -> Counts:
        iam = self._client("iam")
        summary = (await self.caller.call("iam:GetAccountSummary", iam.get_account_summary))["SummaryMap"]
        return {name: int(summary.get(name, 0)) for name in COUNTED}

    async def roles(self) -> Counts:
        iam, found = self._client("iam"), 0
        async for page in self.caller.marked_pages("iam:ListRoles", iam.list_roles):
            found += sum(not role["Path"].startswith(AWS_OWN) for role in page["Roles"])
        return {"Roles": found}

    async def trails(self) -> Counts:
        trails = self._client("cloudtrail")
        listed = await self.caller.call("cloudtrail:DescribeTrails", trails.describe_trails)
        own = [each for each in listed["trailList"] if not each.get("IsOrganizationTrail")]
        return {"Trails": sum(self.account.id in each["TrailARN"].split(":") for each in own)}

    async def buckets(self) -> Counts:
        storage = self._client("s3")
        return {"Buckets": len((await self.caller.call("s3:ListBuckets", storage.list_buckets)).get("Buckets", []))}


class Inside:
    """Looks into member accounts. Its clients are made at the first look, so that nobody else waits for them."""

    def __init__(self, caller: Caller, iam: "IAMClient") -> None:
        self._caller = caller
        self._clients: dict[str, Any] = {"iam": iam}
        self._making = asyncio.Lock()

    async def counts(self, account: OwnedAccount, keys: Credentials) -> Counts:
        """What is in the account, by what AWS calls it; `keys` are of a session for Purpose.LOOK.

        Raises:
            AwsError: a part could not be read; the others were read to their end.
        """
        async with self._making:
            for service in ("cloudtrail", "s3"):
                if service not in self._clients:
                    self._clients[service] = await self._caller.members_client(service)
        visit = _Visit(self._caller, account, keys, self._clients)
        parts: tuple[Callable[[], Awaitable[Counts]], ...] = (
            *(visit.identities, visit.roles, visit.trails, visit.buckets),
        )
        seen: Counts = {}
        for each in await asyncio.gather(*map(_watched, parts), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            seen |= each
        return seen


async def _watched(part: Callable[[], Awaitable[Counts]]) -> Counts:
    with concurrent_step():
        return await part()


def beyond(baseline: Mapping[str, int], seen: Mapping[str, int]) -> list[str]:
    """What there is more of than in the baseline, as words such as "Users: 1 instead of 0"; sorted."""
    more = {name: (count, baseline.get(name, 0)) for name, count in seen.items() if count > baseline.get(name, 0)}
    return [f"{name}: {count} instead of {before}" for name, (count, before) in sorted(more.items())]
