"""STS: credentials for member accounts, and proof of whose they are."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.credentials import Credentials as BotocoreCredentials

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.member_clients import MemberClient
from batteries_operator.aws.partition import Partition, of_arn
from batteries_operator.aws.session_policies import Purpose, SessionPolicies
from batteries_operator.runtime.watchdog import acquired

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

    from batteries_operator.aws.ownership import OwnedAccount

SESSION_NAME = "ai-batteries-included"
LIFETIME_SECONDS = 3600
"""The duration that we request: AWS's default, and the maximum if a role assumes another."""
REFRESH_BEFORE_SECONDS = 600  # botocore's own mandatory refresh margin
KEPT = 1024
"""How many sessions are cached, a few for each account; more than are ever in use at the same time."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary keys of one member account."""

    account: str
    """The AWS account that they are of, as AWS says."""
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float
    """By the monotonic clock: with a wall clock that is set back, expired keys would be used."""

    def for_botocore(self) -> BotocoreCredentials:
        """The form with which botocore signs."""
        return BotocoreCredentials(self.access_key_id, self.secret_access_key, self.session_token)


def _key(credentials: Credentials) -> tuple[str]:
    return (credentials.access_key_id,)


def _is_fresh(credentials: Credentials) -> bool:
    return credentials.expires_at - time.monotonic() >= REFRESH_BEFORE_SECONDS


class Sts:
    """Assumes the access role of member accounts."""

    def __init__(
        self,
        caller: Caller,
        client: "STSClient",
        members: "STSClient",
        role_name: str,
        policies: "SessionPolicies | None" = None,
    ) -> None:
        """`client` is the management account's, `members` the shared client for member accounts.

        `role_name` is the role of accounts that name no other; without `policies` a session may do everything that the
        role may.
        """
        self._caller = caller
        self._client = client
        self._members = members
        self._role = role_name
        self._policies = policies
        self._partition: Partition | None = None
        self._asking = asyncio.Lock()  # steps that run side by side share one call
        self._known = caller.caches.of(_key, KEPT)

    async def assume(
        self, account: "OwnedAccount", role: str | None = None, purpose: Purpose = Purpose.IDENTITY
    ) -> Credentials:
        """Credentials of `account` for one purpose, by that role; cached until shortly before they expire."""
        role = role or self._role
        session = "/".join((account.id, role, purpose))
        known = await self._known.get(session, lambda: self._assume(account, role, purpose), _is_fresh)
        assert known is not None  # AWS returned them, or raised
        return known

    async def _assume(self, account: "OwnedAccount", role: str, purpose: Purpose) -> Credentials:
        requested_at, partition = time.monotonic(), await self.partition()
        narrowed: Any = (
            {"Policy": self._policies.text(purpose, partition, account)} if self._policies is not None else {}
        )
        response = await self._caller.call(
            "sts:AssumeRole",
            self._client.assume_role,
            RoleArn=partition.arn("iam", f"role/{role}", account.id),
            RoleSessionName=SESSION_NAME,
            DurationSeconds=LIFETIME_SECONDS,
            **narrowed,
        )
        raw, assumed = response["Credentials"], response["AssumedRoleUser"]["Arn"]
        return Credentials(
            *(assumed.split(":")[4], raw["AccessKeyId"], raw["SecretAccessKey"], raw["SessionToken"]),
            requested_at + LIFETIME_SECONDS,
        )

    async def partition(self) -> Partition:
        """The AWS partition of our own credentials; requested once.

        Raises:
            UnsupportedPartitionError: it is one that we don't know.
        """
        async with acquired(self._asking):
            if self._partition is None:
                self._partition = of_arn(await self.own_arn())
            return self._partition

    async def own_account(self) -> str:
        """The account of our own credentials."""
        return (await self._caller.call("sts:GetCallerIdentity", self._client.get_caller_identity))["Account"]

    async def own_arn(self) -> str:
        """Our identity: a user, or a role's session."""
        return (await self._caller.call("sts:GetCallerIdentity", self._client.get_caller_identity))["Arn"]

    async def identity(self, credentials: Credentials) -> str:
        """The account that AWS names for these credentials."""
        client = cast("STSClient", MemberClient(self._members, credentials.for_botocore()))
        response = await self._caller.call("sts:GetCallerIdentity", client.get_caller_identity)
        return response["Account"]
