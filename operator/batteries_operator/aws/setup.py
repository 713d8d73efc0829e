"""What an organization needs before accounts can be created: finds, creates or updates each part.

Others may prepare the same organization at the same moment: two Deployments, two people. So each part is looked up
again whenever AWS reports a concurrent change, and nothing is created twice. The policies are in `policy_setup`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import NotOursError
from batteries_operator.aws.floor.place import Place
from batteries_operator.aws.permission_sets import PermissionSets
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from batteries_operator.aws.gateways import Aws

_MADE_MEANWHILE = frozenset(
    {
        "DuplicateOrganizationalUnitException",
        "DuplicatePolicyAttachmentException",
        "DuplicatePolicyException",
        "PolicyNotAttachedException",
        "PolicyTypeAlreadyEnabledException",
    }
)
TRIES = 10
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0


NOT_PREPARED = "OrganizationNotPrepared"


class Did(StrEnum):
    """What was done for a part."""

    MADE = "made"
    UPDATED = "updated"
    THERE = "there"


T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]], first_pause: float = FIRST_PAUSE_SECONDS) -> T:
    """Calls `ask`, again while AWS is busy or somebody else writes at the same time, so that it looks again.

    Raises:
        AwsError: something else is wrong, or it does not end.
    """
    for attempt in range(TRIES):
        try:
            return await ask()
        except AwsError as error:
            again = error.kind is ErrorKind.TRANSIENT or error.code in _MADE_MEANWHILE
            if not again or attempt == TRIES - 1:
                raise
        pause = min(LONGEST_PAUSE_SECONDS, first_pause * 2**attempt)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
    raise AssertionError("unreachable")


class Setup:
    """Finds, creates or updates each part; each method returns what it did, and may be called again.

    With `plan` nothing is written: each method returns what it would do.
    """

    def __init__(self, aws: "Aws", settings: Settings, *, plan: bool = False) -> None:
        self._organizations = aws.organizations
        self._permission_sets = PermissionSets(aws.caller, aws.identity_center)
        self._root_access = aws.root_access
        self._names = aws.account_names
        self._settings = settings
        self._partition = aws.sts.partition
        self._plan = plan

    async def ensure_ou(self, place: Place) -> Did:
        """Ensures that the OU exists.

        Raises:
            NotPreparedError: the OU that it is in does not exist.
        """
        root = await self._organizations.root()
        if await self._organizations.look_for_ou(place.name, root, place.under) is not None:
            return Did.THERE
        if not self._plan:
            parent = await self._organizations.ou(place.under) if place.under else root
            create = self._organizations.client.create_organizational_unit
            operation = "organizations:CreateOrganizationalUnit"
            await self._organizations.write(operation, create, ParentId=parent, Name=place.name)
        return Did.MADE

    async def ensure_root_access(self) -> Did:
        """Ensures that the organization manages the root users of its members, so that new ones have no password."""
        if await self._root_access.lacks() is None:
            return Did.THERE
        if not self._plan:
            await self._root_access.enable()
        return Did.MADE

    async def ensure_account_names(self) -> Did:
        """Ensures that the management account may name the organization's members."""
        if await self._names.trust.is_given():
            return Did.THERE
        if not self._plan:
            await self._names.trust.give()
        return Did.MADE

    async def ensure_permission_set(self) -> Did:
        """Ensures that the permission set that owners get exists, with the managed policy and nothing else.

        Raises:
            NotOursError: somebody else made one of that name, or put more into ours.
        """
        name = self._settings.permission_set_name
        policy = (await self._partition()).managed_policy(self._settings.managed_policy_arn)
        arn = await self._permission_sets.find(name)
        if arn is None:
            if not self._plan:
                await self._permission_sets.attach(await self._permission_sets.create(name), policy)
            return Did.MADE
        content = await self._permission_sets.content(arn)
        if not content.is_ours:
            raise NotOursError(
                NOT_PREPARED,
                f"There is a permission set named {name} that bootstrap did not create, and owners get what it has: "
                f"{content}. If that is not intended, delete it, or set BATTERIES_PERMISSION_SET_NAME to another name; "
                "then run bootstrap again.",
            )
        did = Did.THERE if content.is_complete(policy) else Did.UPDATED
        if did is Did.UPDATED and not self._plan:
            await self._permission_sets.mend(arn, content, policy)
        if (more := content.beside(policy)) is not None:
            raise NotOursError(
                NOT_PREPARED,
                f"The permission set {name} also contains {more}, which bootstrap did not add. Take it out, if "
                "owners are not to have it.",
            )
        return did
