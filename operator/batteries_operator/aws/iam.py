"""IAM in one member account: the user, GitHub's OIDC provider, and the deploy role.

Error codes on the wire are EntityAlreadyExists and NoSuchEntity, not the exception class names (botocore's iam model).
"""

import json
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import PROVIDER_HOST, provider_arn, same_policy
from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.aws.member_resources import (
    is_ours,
    member_resource_tags,
    provider_not_ours,
    role_not_ours,
    user_not_ours,
)
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.partition import Partition

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import RoleTypeDef

EXISTS = "EntityAlreadyExists"
MISSING = "NoSuchEntity"


class Iam:
    """IAM of the account that `client` has credentials for."""

    def __init__(self, caller: Caller, client: "IAMClient", account: OwnedAccount, partition: Partition) -> None:
        self._caller = caller
        self._client = client
        self._account = account
        self._partition = partition
        self._tags = member_resource_tags(account)

    async def ensure_user(self, name: str, *, is_known: bool = False) -> bool:
        """Ensures that the user exists; returns whether it did before. `is_known`: the status says that we created it.

        Raises:
            NotOursError: somebody else's user has that name. It was left as it is.
        """
        ours = await self.has_user(name, is_known=is_known)
        if ours is False:
            raise user_not_ours(self._account, name)
        if ours is None:
            await self._caller.call("iam:CreateUser", self._client.create_user, UserName=name, Tags=self._tags)
        return ours is not None

    async def has_user(self, name: str, *, is_known: bool) -> bool | None:
        """Whether the user of that name is ours; None if there is none."""
        try:
            user = (await self._caller.call("iam:GetUser", self._client.get_user, UserName=name))["User"]
        except AwsError as error:
            if error.code != MISSING:
                raise
            return None
        return is_known or is_ours(self._account, user.get("Tags", []))

    async def attach_to_user(self, name: str, policy_arn: str) -> None:
        """Ensures that the managed policy is attached to the user (attaching twice is harmless)."""
        await self._caller.call(
            "iam:AttachUserPolicy",
            self._client.attach_user_policy,
            UserName=name,
            PolicyArn=self._partition.managed_policy(policy_arn),
        )

    async def has_login_profile(self, name: str) -> bool:
        """Whether the user can sign in to the console."""
        try:
            await self._caller.call("iam:GetLoginProfile", self._client.get_login_profile, UserName=name)
        except AwsError as error:
            if error.code == MISSING:
                return False
            raise
        return True

    async def has_chosen_password(self, name: str) -> bool:
        """Whether somebody signed in and replaced the first password by one of their own."""
        try:
            found = await self._caller.call("iam:GetLoginProfile", self._client.get_login_profile, UserName=name)
        except AwsError as error:
            if error.code == MISSING:
                return False
            raise
        return not found["LoginProfile"].get("PasswordResetRequired", False)

    async def create_login_profile(self, name: str, password: str) -> bool:
        """Gives the user a console password to be changed at first use; returns False if it had one already."""
        try:
            await self._caller.call(
                "iam:CreateLoginProfile",
                self._client.create_login_profile,
                UserName=name,
                Password=password,
                PasswordResetRequired=True,
            )
        except AwsError as error:
            if error.code == EXISTS:
                return False
            raise
        return True

    async def reset_login_profile(self, name: str, password: str) -> None:
        """Replaces the user's console password."""
        await self._caller.call(
            "iam:UpdateLoginProfile",
            self._client.update_login_profile,
            UserName=name,
            Password=password,
            PasswordResetRequired=True,
        )

    async def delete_login_profile(self, name: str) -> None:
        """Ensures that the user can't sign in to the console; a missing password or user is success."""
        await self._tolerating(MISSING, "iam:DeleteLoginProfile", self._client.delete_login_profile, UserName=name)

    async def trust_of(self, name: str) -> Any:
        """The role's trust policy in AWS; None if there is no such role."""
        role = await self._role(name)
        return None if role is None else role.get("AssumeRolePolicyDocument")

    async def close_role(self, name: str, trust: dict[str, Any], *, known_arn: str | None = None) -> bool:
        """Ensures that the role, if it exists, has that trust policy, which admits nobody; False if it is somebody
        else's.

        `known_arn` is the ARN of the role that the status says we created.
        """
        role = await self._role(name)
        if role is None:
            return True
        if not self._is_our_role(role, known_arn):
            return False
        await self._ensure_trust(name, role.get("AssumeRolePolicyDocument"), trust)
        return True

    async def _role(self, name: str) -> "RoleTypeDef | None":
        try:
            return (await self._caller.call("iam:GetRole", self._client.get_role, RoleName=name))["Role"]
        except AwsError as error:
            if error.code != MISSING:
                raise
            return None

    def _is_our_role(self, role: "RoleTypeDef", known_arn: str | None) -> bool:
        return role["Arn"] == known_arn or is_ours(self._account, role.get("Tags", []))

    async def _ensure_trust(self, name: str, current: Any, trust: dict[str, Any]) -> None:
        # boto3 has decoded the URL-encoded document into a dict; the stubs still call it a string.
        if not same_policy(current, trust):
            await self._caller.call(
                "iam:UpdateAssumeRolePolicy",
                self._client.update_assume_role_policy,
                RoleName=name,
                PolicyDocument=_document(trust),
            )

    async def ensure_github_provider(self) -> str:
        """Ensures that GitHub's OIDC provider exists for our audience; returns its ARN, which is deterministic.

        Somebody else's provider is used unchanged.

        Raises:
            NotOursError: somebody else's lacks our audience. It was left as it is.
        """
        arn = provider_arn(self._account.id, self._partition.name)
        audience = self._partition.audience
        try:
            found = await self._caller.call(
                "iam:GetOpenIDConnectProvider",
                self._client.get_open_id_connect_provider,
                OpenIDConnectProviderArn=arn,
            )
        except AwsError as error:
            if error.code != MISSING:
                raise
            # No thumbprint: AWS trusts GitHub's certificate authority by its own library (botocore's iam model).
            await self._caller.call(
                "iam:CreateOpenIDConnectProvider",
                self._client.create_open_id_connect_provider,
                Url=f"https://{PROVIDER_HOST}",
                ClientIDList=[audience],
                Tags=self._tags,
            )
            return arn
        if audience not in found.get("ClientIDList", []):
            if not is_ours(self._account, found.get("Tags", [])):
                raise provider_not_ours(self._account, arn, audience)
            await self._caller.call(
                "iam:AddClientIDToOpenIDConnectProvider",
                self._client.add_client_id_to_open_id_connect_provider,
                OpenIDConnectProviderArn=arn,
                ClientID=audience,
            )
        return arn

    async def ensure_role(
        self, name: str, trust: dict[str, Any], policy_arn: str, *, known_arn: str | None = None
    ) -> str:
        """Ensures that the role exists with exactly that trust policy and the managed policy; returns its ARN.

        Raises:
            NotOursError: somebody else's role has that name. It was left as it is.
        """
        role = await self._role(name)
        if role is None:
            role = (
                await self._caller.call(
                    "iam:CreateRole",
                    self._client.create_role,
                    RoleName=name,
                    AssumeRolePolicyDocument=_document(trust),
                    Description="Assumed by GitHub Actions of the repositories that the AwsAccount lists.",
                    Tags=self._tags,
                )
            )["Role"]
        elif not self._is_our_role(role, known_arn):
            raise role_not_ours(self._account, name)
        else:
            await self._ensure_trust(name, role.get("AssumeRolePolicyDocument"), trust)
        await self._attach_to_role(name, self._partition.managed_policy(policy_arn))
        return role["Arn"]

    async def _attach_to_role(self, name: str, policy_arn: str) -> None:
        pages = self._caller.marked_pages(
            "iam:ListAttachedRolePolicies", self._client.list_attached_role_policies, RoleName=name
        )
        async for page in pages:
            if any(policy.get("PolicyArn") == policy_arn for policy in page["AttachedPolicies"]):
                return
        await self._caller.call(
            "iam:AttachRolePolicy", self._client.attach_role_policy, RoleName=name, PolicyArn=policy_arn
        )

    async def _tolerating(self, code: str, operation: str, function: Any, **arguments: Any) -> None:
        """Makes the call; the error `code` means that somebody, perhaps we before a crash, did it already."""
        try:
            await self._caller.call(operation, function, **arguments)
        except AwsError as error:
            if error.code != code:
                raise


def _document(policy: dict[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"))
