"""The permission set that owners get: found by its name, and recognized as ours by its description.

Its content is what owners may do in every account, so it is compared and not assumed. What somebody else added is
reported and kept: it may be intended.
"""

from dataclasses import dataclass
from typing import Any

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.identity_center import IdentityCenter

DESCRIPTION = "What owners of accounts made by AI Batteries Included may do in them."
"""Marks a permission set that we created; it never changes."""

SESSION = "PT8H"


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a permission set."""

    description: str
    session: str
    managed: tuple[str, ...]
    named: tuple[str, ...]
    """The names of customer managed policies."""
    inline: bool

    @property
    def is_ours(self) -> bool:
        """Whether we created it."""
        return self.description == DESCRIPTION

    def beside(self, policy_arn: str) -> str | None:
        """What it contains besides that managed policy, in words; None if that is all."""
        more = [arn for arn in self.managed if arn != policy_arn]
        more += [f"the customer managed policy {name}" for name in self.named]
        more += ["an inline policy"] if self.inline else []
        return ", ".join(more) or None

    def wrong(self, policy_arn: str) -> str | None:
        """How it differs from what bootstrap creates; None if it does not."""
        found = [] if policy_arn in self.managed else [f"it lacks {policy_arn}"]
        found += [] if self.session == SESSION else [f"its sessions last {self.session} instead of {SESSION}"]
        found += [f"it also holds {more}"] if (more := self.beside(policy_arn)) else []
        return "; ".join(found) or None

    def is_complete(self, policy_arn: str) -> bool:
        """Whether it has all that bootstrap puts into it; it may have more."""
        return policy_arn in self.managed and self.session == SESSION

    def __str__(self) -> str:
        return self.beside("") or "nothing"


class PermissionSets:
    """Permission sets of the organization's Identity Center."""

    def __init__(self, caller: Caller, center: IdentityCenter) -> None:
        self._caller = caller
        self._center = center
        self._admin = center.admin

    async def find(self, name: str) -> str | None:
        """The ARN of the permission set of that name."""
        return await self._center.find_permission_set(name)

    async def create(self, name: str) -> str:
        """Creates one without policies, and returns its ARN."""
        instance = await self._center.instance()
        response = await self._caller.call(
            "sso:CreatePermissionSet",
            self._admin.create_permission_set,
            InstanceArn=instance.arn,
            Name=name,
            Description=DESCRIPTION,
            SessionDuration=SESSION,
        )
        return response["PermissionSet"].get("PermissionSetArn", "")

    async def attach(self, arn: str, policy_arn: str) -> None:
        """Attaches a managed policy to it."""
        await self._caller.call(
            "sso:AttachManagedPolicyToPermissionSet",
            self._admin.attach_managed_policy_to_permission_set,
            **await self._which(arn),
            ManagedPolicyArn=policy_arn,
        )

    async def mend(self, arn: str, content: Content, policy_arn: str) -> bool:
        """Adds what is missing, also in the accounts that have it; returns whether anything was."""
        missing, which = policy_arn not in content.managed, await self._which(arn)
        if missing:
            await self.attach(arn, policy_arn)
        if content.session != SESSION:
            update = self._admin.update_permission_set
            more = {"Description": DESCRIPTION, "SessionDuration": SESSION}
            await self._caller.call("sso:UpdatePermissionSet", update, **which, **more)
        if not missing and content.session == SESSION:
            return False
        # Accounts keep the former content until they are provisioned again (API reference, UpdatePermissionSet).
        provision = self._admin.provision_permission_set
        everywhere: Any = "ALL_PROVISIONED_ACCOUNTS"
        await self._caller.call("sso:ProvisionPermissionSet", provision, **which, TargetType=everywhere)
        return True

    async def content(self, arn: str) -> Content:
        """What it holds."""
        which, admin = await self._which(arn), self._admin
        described = await self._caller.call("sso:DescribePermissionSet", admin.describe_permission_set, **which)
        managed, named = list[str](), list[str]()
        listing = admin.list_managed_policies_in_permission_set
        async for page in self._caller.pages("sso:ListManagedPoliciesInPermissionSet", listing, **which):
            managed += [policy.get("Arn", "") for policy in page["AttachedManagedPolicies"]]
        names = admin.list_customer_managed_policy_references_in_permission_set
        operation = "sso:ListCustomerManagedPolicyReferencesInPermissionSet"
        async for references in self._caller.pages(operation, names, **which):
            named += [policy["Name"] for policy in references["CustomerManagedPolicyReferences"]]
        get = admin.get_inline_policy_for_permission_set
        inline = (await self._caller.call("sso:GetInlinePolicyForPermissionSet", get, **which)).get("InlinePolicy")
        details = described["PermissionSet"]
        # AWS's default for one without a duration is an hour (API reference, CreatePermissionSet).
        session = details.get("SessionDuration") or "PT1H"
        return Content(details.get("Description", ""), session, tuple(managed), tuple(named), bool(inline))

    async def _which(self, arn: str) -> dict[str, str]:
        return {"InstanceArn": (await self._center.instance()).arn, "PermissionSetArn": arn}
