"""All gateways of one process, and on request IAM in a member account."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from batteries_operator.aws.account_names import AccountNames
from batteries_operator.aws.caller import Caller
from batteries_operator.aws.creations import Creations
from batteries_operator.aws.directory import Directory
from batteries_operator.aws.entries import Entries
from batteries_operator.aws.guardrail_checks import KEPT_SECONDS, WRONG_KEPT_SECONDS, GuardrailChecks
from batteries_operator.aws.iam import Iam
from batteries_operator.aws.iam_session import IamSession
from batteries_operator.aws.identity_center import IdentityCenter
from batteries_operator.aws.inside import Counts, Inside
from batteries_operator.aws.mail import Mail
from batteries_operator.aws.member_clients import MemberClient
from batteries_operator.aws.organizations import Organizations
from batteries_operator.aws.ownership import OwnedAccount, Ownership
from batteries_operator.aws.partition import of_region
from batteries_operator.aws.quotas import Quotas
from batteries_operator.aws.root_access import RootAccess
from batteries_operator.aws.session_policies import Purpose, SessionPolicies
from batteries_operator.aws.sts import Sts
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class Aws:
    """All AWS calls that the operator can make."""

    def __init__(
        self,
        caller: Caller,
        organizations: Organizations,
        creations: Creations,
        sts: Sts,
        identity_center: IdentityCenter,
        directory: Directory,
        mail: Mail,
        limits: Quotas,
        guarding: GuardrailChecks,
        root_access: RootAccess,
        members_iam: "IAMClient",
        ownership: Ownership,
        account_names: AccountNames,
    ) -> None:
        self.caller = caller
        self.organizations = organizations
        self.ownership = ownership
        self.account_names = account_names
        self.creations = creations
        self.sts = sts
        self.identity_center = identity_center
        self.directory = directory
        self.mail = mail
        self.limits = limits
        self.guardrail_checks = guarding
        self.root_access = root_access
        self._members_iam = members_iam
        self._inside = Inside(caller, members_iam)
        self.entries = Entries()

    @classmethod
    async def open(cls, settings: Settings, require: Callable[[], None] | None = None) -> "Aws":
        """Opens the gateways with the credentials, region and endpoint of boto3's environment.

        `require` is called right before each call is sent, and raises if none may be.

        Raises:
            UnsupportedPartitionError: the region is none of a partition that we can work in.
        """
        caller = Caller(settings.aws_threads, require)
        # From the region, because a start makes no AWS call; our own ARN verifies it later (Sts.partition).
        partition = of_region(caller.region)
        center = IdentityCenter(caller, await caller.client("sso-admin"))
        directory = Directory(caller, await caller.client("identitystore"), center)
        # Organizations is a global service with one endpoint in each partition.
        organizations = Organizations(caller, await caller.client("organizations", region=partition.global_region))
        iam = await caller.client("iam")
        return cls(
            caller,
            organizations,
            Creations(caller, organizations),
            Sts(
                caller,
                await caller.client("sts"),
                await caller.members_client("sts"),
                settings.access_role_name,
                SessionPolicies(settings),
            ),
            center,
            directory,
            Mail(caller, await caller.client("sesv2"), settings.mail_sender if partition.sends_mail else ""),
            # The quotas of a global service are there too.
            Quotas(
                caller,
                await caller.client("service-quotas", region=partition.global_region),
                iam,
            ),
            # No proof is older than the account's last resync, however often those come.
            GuardrailChecks(
                caller,
                organizations,
                min(KEPT_SECONDS, settings.resync_seconds or KEPT_SECONDS),
                min(WRONG_KEPT_SECONDS, settings.backoff_max_seconds / 10),
            ),
            RootAccess(caller, organizations, iam),
            await caller.members_client("iam"),
            Ownership(
                organizations,
                center,
                directory,
                settings.permission_set_name,
                settings.suspended_ou_name,
                settings.pool_ou_name,
            ),
            # A global service with one endpoint in each partition, too.
            AccountNames(
                caller,
                organizations,
                await caller.client("account", region=partition.global_region) if settings.pool_rename else None,
            ),
        )

    async def iam(self, account: OwnedAccount, purpose: Purpose, role: str | None = None) -> Iam:
        """IAM of a member account, as its access role, with no more permissions than the purpose needs."""
        credentials = await self.sts.assume(account, role, purpose)
        client = cast("IAMClient", MemberClient(self._members_iam, credentials.for_botocore()))
        return Iam(IamSession(self.caller, client, account, await self.sts.partition()))

    async def counts(self, account: OwnedAccount, role: str | None = None) -> Counts:
        """What is in a member account, as `Inside.counts`; then its role is known to answer."""
        keys = await self.sts.assume(account, role, Purpose.LOOK)
        seen = await self._inside.counts(account, keys)
        if role is not None and keys.account == account.id:
            self.entries.note(account.id, role)
        return seen

    def close(self) -> None:
        """Ends the threads."""
        self.caller.close()

    async def drain(self) -> None:
        """Ends the threads, and returns when the last call has ended."""
        await self.caller.drain()
