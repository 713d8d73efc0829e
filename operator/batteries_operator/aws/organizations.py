"""AWS Organizations: its member accounts, their place, and its OUs.

Facts in this module, unless marked otherwise, are from botocore's organizations 2016-11-28 model: list pages hold at
most 20 entries, and an empty page may still carry a NextToken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.runtime.watchdog import acquired

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import RootTypeDef

    from batteries_operator.aws.ownership import OwnedAccount

P = ParamSpec("P")
T = TypeVar("T")


class NotPreparedError(Exception):
    """The organization lacks something that `batteries-operator bootstrap` creates; the text says what."""


class ManagementAccountError(Exception):
    """A call was about to change the organization's management account, which the operator never does."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member account, as lists show it."""

    id: str
    name: str
    email: str
    state: str


def _itself(value: str) -> tuple[str]:
    return (value,)


class Organizations:
    """Calls to the organization, as the management account."""

    def __init__(self, caller: Caller, client: "OrganizationsClient") -> None:
        self._caller = caller
        self.client = client
        self._management = caller.caches.of(_itself)
        self._ous = caller.caches.of(_itself)
        # Organizations accepts one write at a time and refuses others meanwhile (ConcurrentModificationException).
        # In sequence, our writes are refused only if somebody else writes too.
        self._writing = asyncio.Lock()

    async def write(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Caller.call`, after every earlier write of this process has ended."""
        async with acquired(self._writing):
            return await self._caller.call(operation, function, *args, **kwargs)

    async def management_account(self) -> str:
        """The id of the management account; cached."""
        return await self._management.get("", self._ask_for_management) or ""

    async def _ask_for_management(self) -> str:
        response = await self._caller.call("organizations:DescribeOrganization", self.client.describe_organization)
        return response["Organization"]["MasterAccountId"]

    async def refuse_management(self, account: str) -> None:
        """Raises:
        ManagementAccountError: `account` is the management account.
        """
        if account == await self.management_account():
            raise ManagementAccountError(
                f"AWS account {account} is the organization's management account. "
                "It is never provisioned, moved, suspended or closed."
            )

    async def find_account_by_email(self, email: str) -> str | None:
        """The id of the member account with that root e-mail address."""
        async for page in self._caller.pages("organizations:ListAccounts", self.client.list_accounts):
            for account in page["Accounts"]:
                if account.get("Email", "").lower() == email.lower():
                    return account.get("Id")
        return None

    async def members(self) -> AsyncIterator[Member]:
        """Every account of the organization but the management account."""
        management = await self.management_account()
        async for page in self._caller.pages("organizations:ListAccounts", self.client.list_accounts):
            for raw in page["Accounts"]:
                if raw.get("Id") != management:
                    yield Member(
                        raw.get("Id", ""), raw.get("Name", ""), raw.get("Email", ""), str(raw.get("State", ""))
                    )

    async def count(self) -> int:
        """How many accounts there are, the management account and closed ones included, as AWS's quota counts."""
        return 1 + len([each async for each in self.members()])

    async def accounts_in(self, unit: str) -> AsyncIterator[str]:
        """The ids of the accounts that are directly in the OU or root of that id."""
        listing = self.client.list_accounts_for_parent
        async for page in self._caller.pages("organizations:ListAccountsForParent", listing, ParentId=unit):
            for account in page["Accounts"]:
                yield account.get("Id", "")

    async def tags(self, account: str) -> dict[str, str]:
        """An AWS account's tags."""
        found: dict[str, str] = {}
        pages = self._caller.pages(
            "organizations:ListTagsForResource", self.client.list_tags_for_resource, ResourceId=account
        )
        async for page in pages:
            found |= {tag["Key"]: tag["Value"] for tag in page["Tags"]}
        return found

    async def tags_if_member(self, account: str) -> dict[str, str] | None:
        """An AWS account's tags; None if it is no member of the organization, or left it since it was listed."""
        try:
            return await self.tags(account)
        except AwsError as error:
            if error.code != "TargetNotFoundException":
                raise
            return None

    async def tag(self, account: "OwnedAccount", tags: Mapping[str, str]) -> None:
        """Adds these tags to the account, and keeps its others."""
        await self.write(
            "organizations:TagResource",
            self.client.tag_resource,
            ResourceId=account.id,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    async def parent(self, account: str) -> str:
        """The id of the OU or root that contains the account."""
        async for page in self._caller.pages("organizations:ListParents", self.client.list_parents, ChildId=account):
            for parent in page["Parents"]:
                return parent.get("Id", "")
        raise AwsError("organizations:ListParents", "NoParent", f"AWS names no parent of account {account}.")

    async def is_in(self, name: str, account: str) -> bool:
        """Whether the account is directly in the OU of that name, which is under the root."""
        unit = await self.find_ou(name)
        return unit is not None and await self.parent(account) == unit

    async def move(self, account: "OwnedAccount", *, source: str, destination: str) -> None:
        """Moves the account; if it is there already, that is success."""
        try:
            await self.write(
                "organizations:MoveAccount",
                self.client.move_account,
                AccountId=account.id,
                SourceParentId=source,
                DestinationParentId=destination,
            )
        except AwsError as error:
            if error.code != "DuplicateAccountException":
                raise

    async def state(self, account: str) -> str | None:
        """AWS's state of the account (ACTIVE, SUSPENDED, PENDING_CLOSURE, CLOSED, …); None if it is not a member."""
        try:
            response = await self._caller.call(
                "organizations:DescribeAccount", self.client.describe_account, AccountId=account
            )
        except AwsError as error:
            if error.code == "AccountNotFoundException":
                return None
            raise
        # State replaced Status on 2026-09-09 (botocore's organizations model).
        return response["Account"].get("State")

    async def close(self, account: "OwnedAccount") -> None:
        """Asks AWS to close the account; if it is closed or being closed, that is success."""
        try:
            await self.write("organizations:CloseAccount", self.client.close_account, AccountId=account.id)
        except AwsError as error:
            if error.code != "AccountAlreadyClosedException":
                raise

    async def root(self) -> str:
        """The id of the organization's root."""
        return (await self.root_details()).get("Id", "")

    async def root_details(self) -> "RootTypeDef":
        """The organization's root, with the policy types that are enabled on it."""
        async for page in self._caller.pages("organizations:ListRoots", self.client.list_roots):
            for root in page["Roots"]:
                return root
        raise AwsError("organizations:ListRoots", "NoRoot", "AWS names no root of the organization.")

    async def find_ou(self, name: str, under: str = "") -> str | None:
        """The id of the OU of that name in the OU `under`, or without that under the root; cached once found."""
        return await self._ous.get(_key(name, under), lambda: self._look_below(name, under))

    async def _look_below(self, name: str, under: str) -> str | None:
        parent = await self.find_ou(under) if under else await self.root()
        return await self._look(name, parent) if parent else None

    async def look_for_ou(self, name: str, root: str, under: str = "") -> str | None:
        """The same without the cache: the OU may have been deleted and created again."""
        parent = await self.look_for_ou(under, root) if under else root
        if parent is None:
            return None
        self._ous.forget(_key(name, under))
        return await self._ous.get(_key(name, under), lambda: self._look(name, parent))

    async def _look(self, name: str, root: str) -> str | None:
        pages = self._caller.pages(
            "organizations:ListOrganizationalUnitsForParent",
            self.client.list_organizational_units_for_parent,
            ParentId=root,
        )
        async for page in pages:
            for unit in page["OrganizationalUnits"]:
                if unit.get("Name") == name:
                    return unit.get("Id", "")
        return None

    async def ou(self, name: str, under: str = "") -> str:
        """The id of the OU of that name in the OU `under`, or without that under the root.

        Raises:
            NotPreparedError: there is none.
        """
        found = await self.find_ou(name, under)
        if found is None:
            raise NotPreparedError(
                f"The organization has no OU '{name}' {f'in its OU {under!r}' if under else 'under its root'}. Run "
                "`batteries-operator bootstrap`."
            )
        return found


def _key(name: str, under: str) -> str:
    return f"{under}\0{name}" if under else name
