"""What an organization must hold before accounts can be made: found, or made once."""

import json
from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.guards import Guard
from batteries_operator.settings import Settings

if TYPE_CHECKING:
    from batteries_operator.aws.gateways import Aws

SCP: Any = "SERVICE_CONTROL_POLICY"


class Setup:
    """Finds or makes each part. Every method says whether it made something."""

    def __init__(self, aws: "Aws", settings: Settings) -> None:
        self._caller = aws.caller
        self._organizations = aws.organizations
        self._client = aws.organizations.client
        self._center = aws.identity_center
        self._settings = settings
        self._partition = aws.sts.partition

    async def ensure_ou(self, name: str) -> bool:
        """The OU of that name is there, under the root."""
        if await self._organizations.find_ou(name) is not None:
            return False
        return await self._unless(
            "DuplicateOrganizationalUnitException",
            "organizations:CreateOrganizationalUnit",
            self._client.create_organizational_unit,
            ParentId=await self._organizations.root(),
            Name=name,
        )

    async def policies_enabled(self) -> bool:
        """Whether service control policies can be attached at all."""
        types = (await self._organizations.root_details()).get("PolicyTypes", [])
        return any(each.get("Type") == SCP and each.get("Status") == "ENABLED" for each in types)

    async def ensure_policies_enabled(self) -> bool:
        """Service control policies are enabled on the root."""
        if await self.policies_enabled():
            return False
        return await self._unless(
            "PolicyTypeAlreadyEnabledException",
            "organizations:EnablePolicyType",
            self._client.enable_policy_type,
            RootId=await self._organizations.root(),
            PolicyType=SCP,
        )

    async def _find(self, guard: Guard) -> str | None:
        """The id of the policy of that name."""
        async for page in self._caller.pages("organizations:ListPolicies", self._client.list_policies, Filter=SCP):
            for policy in page["Policies"]:
                if policy.get("Name") == guard.name:
                    return policy.get("Id")
        return None

    async def ensure_policy(self, guard: Guard) -> bool:
        """The policy is there."""
        if await self._find(guard) is not None:
            return False
        return await self._unless(
            "DuplicatePolicyException",
            "organizations:CreatePolicy",
            self._client.create_policy,
            Name=guard.name,
            Description=guard.description,
            Type=SCP,
            Content=json.dumps(guard.content),
        )

    async def is_attached(self, guard: Guard) -> bool:
        """Whether the policy is attached to its OU."""
        policy, unit = await self._find(guard), await self._organizations.ou(guard.ou)
        pages = self._caller.pages(
            "organizations:ListPoliciesForTarget", self._client.list_policies_for_target, TargetId=unit, Filter=SCP
        )
        async for page in pages:
            if any(each.get("Id") == policy for each in page["Policies"]):
                return policy is not None
        return False

    async def ensure_attached(self, guard: Guard) -> bool:
        """The policy is attached to its OU."""
        if await self.is_attached(guard):
            return False
        return await self._unless(
            "DuplicatePolicyAttachmentException",
            "organizations:AttachPolicy",
            self._client.attach_policy,
            PolicyId=await self._find(guard),
            TargetId=await self._organizations.ou(guard.ou),
        )

    async def ensure_permission_set(self) -> bool:
        """The permission set that owners get is there, with the managed policy."""
        center, name = self._center, self._settings.permission_set_name
        arn, made = await center.find_permission_set(name), False
        if arn is None:
            arn, made = await center.create_permission_set(name), True
        policy = (await self._partition()).managed_policy(self._settings.managed_policy_arn)
        return await center.attach_to_permission_set(arn, policy) or made

    async def _unless(self, code: str, operation: str, function: Any, **arguments: Any) -> bool:
        """Calls; the error `code` means that somebody made it meanwhile."""
        try:
            await self._caller.call(operation, function, **arguments)
        except AwsError as error:
            if error.code != code:
                raise
            return False
        return True
