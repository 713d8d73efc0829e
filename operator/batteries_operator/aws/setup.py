"""What an organization must hold before accounts can be made: found, or made once."""

import json
from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import AwsError
from batteries_operator.settings import Settings

if TYPE_CHECKING:
    from batteries_operator.aws.gateways import Aws

DENY_POLICY_NAME = "BatteriesDenyAll"
SCP: Any = "SERVICE_CONTROL_POLICY"


def deny_policy(access_role_name: str) -> dict[str, Any]:
    """Denies everything to everyone but the operator's own role: without that exception we would lock ourselves out."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Suspended",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"ArnNotLike": {"aws:PrincipalARN": [f"arn:aws:iam::*:role/{access_role_name}"]}},
            }
        ],
    }


class Setup:
    """Finds or makes each part. Every method says whether it made something."""

    def __init__(self, aws: "Aws", settings: Settings) -> None:
        self._caller = aws.caller
        self._organizations = aws.organizations
        self._client = aws.organizations.client
        self._center = aws.identity_center
        self._settings = settings

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

    async def find_deny_policy(self) -> str | None:
        """The id of our deny-all policy."""
        async for page in self._caller.pages("organizations:ListPolicies", self._client.list_policies, Filter=SCP):
            for policy in page["Policies"]:
                if policy.get("Name") == DENY_POLICY_NAME:
                    return policy.get("Id")
        return None

    async def ensure_deny_policy(self) -> bool:
        """The policy that closes suspended accounts is there."""
        if await self.find_deny_policy() is not None:
            return False
        return await self._unless(
            "DuplicatePolicyException",
            "organizations:CreatePolicy",
            self._client.create_policy,
            Name=DENY_POLICY_NAME,
            Description="Closes suspended accounts to everyone but the account factory.",
            Type=SCP,
            Content=json.dumps(deny_policy(self._settings.access_role_name)),
        )

    async def deny_attached(self) -> bool:
        """Whether the policy is attached to the Suspended OU."""
        policy, unit = await self.find_deny_policy(), await self._organizations.ou(self._settings.suspended_ou_name)
        pages = self._caller.pages(
            "organizations:ListPoliciesForTarget", self._client.list_policies_for_target, TargetId=unit, Filter=SCP
        )
        async for page in pages:
            if any(each.get("Id") == policy for each in page["Policies"]):
                return policy is not None
        return False

    async def ensure_deny_attached(self) -> bool:
        """The policy is attached to the Suspended OU."""
        if await self.deny_attached():
            return False
        return await self._unless(
            "DuplicatePolicyAttachmentException",
            "organizations:AttachPolicy",
            self._client.attach_policy,
            PolicyId=await self.find_deny_policy(),
            TargetId=await self._organizations.ou(self._settings.suspended_ou_name),
        )

    async def ensure_permission_set(self) -> bool:
        """The permission set that owners get is there, with the managed policy."""
        center, name = self._center, self._settings.permission_set_name
        arn, made = await center.find_permission_set(name), False
        if arn is None:
            arn, made = await center.create_permission_set(name), True
        return await center.attach_to_permission_set(arn, self._settings.managed_policy_arn) or made

    async def _unless(self, code: str, operation: str, function: Any, **arguments: Any) -> bool:
        """Calls; the error `code` means that somebody made it meanwhile."""
        try:
            await self._caller.call(operation, function, **arguments)
        except AwsError as error:
            if error.code != code:
                raise
            return False
        return True
