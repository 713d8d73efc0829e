"""What an organization needs before accounts can be created: finds, creates or updates each part.

Others may prepare the same organization at the same moment: two Deployments, two people. So each part is looked up
again whenever AWS reports a concurrent change, and nothing is created twice.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import NotOursError
from batteries_operator.aws.guardrail_checks import SCP, enabled
from batteries_operator.aws.guardrails import Guardrail
from batteries_operator.aws.permission_sets import PermissionSets
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import PolicySummaryTypeDef

    from batteries_operator.aws.gateways import Aws

_MADE_MEANWHILE = frozenset(
    {
        "DuplicateOrganizationalUnitException",
        "DuplicatePolicyAttachmentException",
        "DuplicatePolicyException",
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


Ensure = Callable[[], Awaitable[Did]]


async def settled(ensure: Ensure, first_pause: float = FIRST_PAUSE_SECONDS) -> Did:
    """Calls `ensure`, again while somebody else writes at the same time, so that it looks again; returns what it did.

    Raises:
        AwsError: something else is wrong, or it does not end.
    """
    for attempt in range(TRIES):
        try:
            return await ensure()
        except AwsError as error:
            again = error.kind is ErrorKind.TRANSIENT or error.code in _MADE_MEANWHILE
            if not again or attempt == TRIES - 1:
                raise
        pause = min(LONGEST_PAUSE_SECONDS, first_pause * 2**attempt)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
    raise AssertionError("unreachable")


class Setup:
    """Finds, creates or updates each part; each method returns what it did, and may be called again."""

    def __init__(self, aws: "Aws", settings: Settings) -> None:
        self._caller = aws.caller
        self._organizations = aws.organizations
        self._guardrail_checks = aws.guardrail_checks
        self._client = aws.organizations.client
        self._permission_sets = PermissionSets(aws.caller, aws.identity_center)
        self._settings = settings
        self._partition = aws.sts.partition

    async def ensure_ou(self, name: str) -> Did:
        """Ensures that the OU of that name exists under the root."""
        root = await self._organizations.root()
        if await self._organizations.look_for_ou(name, root) is not None:
            return Did.THERE
        create = self._client.create_organizational_unit
        await self._write("organizations:CreateOrganizationalUnit", create, ParentId=root, Name=name)
        return Did.MADE

    async def ensure_policies_enabled(self) -> Did:
        """Ensures that service control policies are enabled on the root."""
        root = await self._organizations.root_details()
        if enabled(root):
            return Did.THERE
        enable = self._client.enable_policy_type
        await self._write("organizations:EnablePolicyType", enable, RootId=root.get("Id", ""), PolicyType=SCP)
        return Did.MADE

    async def ensure_policy(self, guard: Guardrail) -> Did:
        """Ensures that the policy exists with the right content.

        Raises:
            NotOursError: somebody else made a policy of that name.
        """
        content, found = json.dumps(guard.content), await self._find(guard)
        if found is None:
            create, text = self._client.create_policy, guard.description
            more = {"Name": guard.name, "Description": text, "Type": SCP, "Content": content}
            await self._write("organizations:CreatePolicy", create, **more)
            return Did.MADE
        if found.get("Description") != guard.description:
            raise NotOursError(
                NOT_PREPARED,
                f"There is a policy named {guard.name} that bootstrap did not create: its description is not "
                f"'{guard.description}'. Rename that policy, and run bootstrap again.",
            )
        if await self._guardrail_checks.says_what_it_should(found.get("Id", ""), guard):
            return Did.THERE
        update = self._client.update_policy
        await self._write("organizations:UpdatePolicy", update, PolicyId=found.get("Id", ""), Content=content)
        return Did.UPDATED

    async def ensure_attached(self, guard: Guardrail) -> Did:
        """Ensures that the policy is attached to its OU.

        Raises:
            NotOursError: the OU holds what is not ours, and the policy would shut or bind that.
            NotPreparedError: there is no such OU.
            AwsError: there is no such policy.
        """
        unit, policy = await self._organizations.ou(guard.ou), await self._find(guard)
        attached = await self._guardrail_checks.attached(unit, guard)
        if policy is not None and attached is not None and attached.get("Id") == policy.get("Id"):
            return Did.THERE
        if (stranger := await self._stranger_in(unit)) is not None:
            raise NotOursError(
                NOT_PREPARED,
                f"The OU {guard.ou} holds {stranger}, which no tag names as the account factory's, and {guard.name} "
                "would bind it. If it is the factory's and lost its tag, tag it again (docs/runbook.md, "
                "NotOurAccount). Otherwise move it elsewhere, or set BATTERIES_SUSPENDED_OU_NAME or "
                "BATTERIES_CUSTOMERS_OU_NAME to an OU for the account factory alone. Then run bootstrap again.",
            )
        if policy is None:
            # One that was just created may not be listed yet: it is looked up again.
            missing = f"There is no policy {guard.name} to attach."
            raise AwsError("organizations:ListPolicies", "PolicyNotFoundException", missing)
        attach = self._client.attach_policy
        await self._write("organizations:AttachPolicy", attach, PolicyId=policy.get("Id", ""), TargetId=unit)
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
            arn = await self._permission_sets.create(name)
            await self._permission_sets.attach(arn, policy)
            return Did.MADE
        content = await self._permission_sets.content(arn)
        if not content.is_ours:
            raise NotOursError(
                NOT_PREPARED,
                f"There is a permission set named {name} that bootstrap did not create, and owners get what it has: "
                f"{content}. If that is not intended, delete it, or set BATTERIES_PERMISSION_SET_NAME to another name; "
                "then run bootstrap again.",
            )
        did = Did.UPDATED if await self._permission_sets.mend(arn, content, policy) else Did.THERE
        if (more := content.beside(policy)) is not None:
            raise NotOursError(
                NOT_PREPARED,
                f"The permission set {name} also contains {more}, which bootstrap did not add. Take it out, if "
                "owners are not to have it.",
            )
        return did

    async def _find(self, guard: Guardrail) -> "PolicySummaryTypeDef | None":
        """The policy of that name."""
        async for page in self._caller.pages("organizations:ListPolicies", self._client.list_policies, Filter=SCP):
            for policy in page["Policies"]:
                if policy.get("Name") == guard.name:
                    return policy
        return None

    async def _stranger_in(self, unit: str) -> str | None:
        """What the OU contains that is not ours by its tag: an account, or a nested OU; None if nothing."""
        listing = self._client.list_accounts_for_parent
        async for page in self._caller.pages("organizations:ListAccountsForParent", listing, ParentId=unit):
            for account in page["Accounts"]:
                if TAG_RESOURCE not in await self._organizations.tags(account.get("Id", "")):
                    return f"the AWS account {account.get('Id')}"
        below = self._client.list_organizational_units_for_parent
        pages = self._caller.pages("organizations:ListOrganizationalUnitsForParent", below, ParentId=unit)
        async for units in pages:
            for each in units["OrganizationalUnits"]:
                return f"the OU {each.get('Name')}"
        return None

    async def _write(self, operation: str, function: Any, **arguments: Any) -> None:
        await self._organizations.write(operation, function, **arguments)
