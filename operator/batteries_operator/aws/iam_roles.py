"""Roles in one member account that somebody outside it assumes."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import same_policy
from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.iam_session import MISSING, IamSession
from batteries_operator.aws.member_resources import is_ours, role_not_ours

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import CreateRoleRequestTypeDef, RoleTypeDef

DEFAULT_SESSION_SECONDS = 3600
"""The longest session of a role that names none (IAM API reference, CreateRole)."""


@dataclass(frozen=True, slots=True)
class WantedRole:
    """A role as it should be.

    - `policy_arn`: the managed policy that is attached to it; more may be attached.
    - `max_session_seconds`: its longest session; None leaves it as it is.
    - `boundary_arn`: its permissions boundary; empty leaves it as it is.
    """

    name: str
    description: str
    trust: dict[str, Any]
    policy_arn: str
    max_session_seconds: int | None = None
    boundary_arn: str = ""


class IamRoles:
    """The roles of the account that the session is in."""

    def __init__(self, session: IamSession) -> None:
        self._session = session
        self._caller = session.caller
        self._client = session.client

    async def trust_of(self, name: str) -> Any:
        """The role's trust policy in AWS; None if there is no such role."""
        role = await self._find(name)
        return None if role is None else role.get("AssumeRolePolicyDocument")

    async def close(self, name: str, trust: dict[str, Any], *, known_arn: str | None = None) -> bool:
        """Ensures that the role, if it exists, has that trust policy, which admits nobody; False if it is somebody
        else's.

        `known_arn` is the ARN of the role that the status says we created.
        """
        role = await self._find(name)
        if role is None:
            return True
        if not self._is_ours(role, known_arn):
            return False
        await self._ensure_trust(role, trust)
        return True

    async def ensure(self, wanted: WantedRole, *, known_arn: str | None = None) -> str:
        """Ensures that the role exists as wanted, with exactly that trust policy; returns its ARN.

        Raises:
            NotOursError: somebody else's role has that name. It was left as it is.
        """
        role = await self._find(wanted.name)
        if role is None:
            role = await self._create(wanted)
        elif not self._is_ours(role, known_arn):
            raise role_not_ours(self._session.account, wanted.name)
        else:
            await self._ensure_trust(role, wanted.trust)
            await self._ensure_session(role, wanted)
            await self._ensure_boundary(role, wanted)
        await self._attach(wanted.name, self._session.partition.managed_policy(wanted.policy_arn))
        return role["Arn"]

    async def _find(self, name: str) -> "RoleTypeDef | None":
        try:
            return (await self._caller.call("iam:GetRole", self._client.get_role, RoleName=name))["Role"]
        except AwsError as error:
            if error.code != MISSING:
                raise
            return None

    def _is_ours(self, role: "RoleTypeDef", known_arn: str | None) -> bool:
        return role["Arn"] == known_arn or is_ours(self._session.account, role.get("Tags", []))

    async def _create(self, wanted: WantedRole) -> "RoleTypeDef":
        request: CreateRoleRequestTypeDef = {
            "RoleName": wanted.name,
            "AssumeRolePolicyDocument": _document(wanted.trust),
            "Description": wanted.description,
            "Tags": self._session.tags,
        }
        if wanted.max_session_seconds is not None:
            request["MaxSessionDuration"] = wanted.max_session_seconds
        if wanted.boundary_arn:
            request["PermissionsBoundary"] = self._session.partition.managed_policy(wanted.boundary_arn)
        return (await self._caller.call("iam:CreateRole", self._client.create_role, **request))["Role"]

    async def _ensure_trust(self, role: "RoleTypeDef", trust: dict[str, Any]) -> None:
        # boto3 has decoded the URL-encoded document into a dict; the stubs still call it a string.
        if not same_policy(role.get("AssumeRolePolicyDocument"), trust):
            await self._caller.call(
                "iam:UpdateAssumeRolePolicy",
                self._client.update_assume_role_policy,
                RoleName=role["RoleName"],
                PolicyDocument=_document(trust),
            )

    async def _ensure_session(self, role: "RoleTypeDef", wanted: WantedRole) -> None:
        longest = role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS)
        if wanted.max_session_seconds is not None and longest != wanted.max_session_seconds:
            await self._caller.call(
                "iam:UpdateRole",
                self._client.update_role,
                RoleName=wanted.name,
                Description=wanted.description,
                MaxSessionDuration=wanted.max_session_seconds,
            )

    async def _ensure_boundary(self, role: "RoleTypeDef", wanted: WantedRole) -> None:
        boundary = self._session.partition.managed_policy(wanted.boundary_arn)
        if boundary and role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") != boundary:
            await self._caller.call(
                "iam:PutRolePermissionsBoundary",
                self._client.put_role_permissions_boundary,
                RoleName=wanted.name,
                PermissionsBoundary=boundary,
            )

    async def _attach(self, name: str, policy_arn: str) -> None:
        pages = self._caller.marked_pages(
            "iam:ListAttachedRolePolicies", self._client.list_attached_role_policies, RoleName=name
        )
        async for page in pages:
            if any(policy.get("PolicyArn") == policy_arn for policy in page["AttachedPolicies"]):
                return
        await self._caller.call(
            "iam:AttachRolePolicy", self._client.attach_role_policy, RoleName=name, PolicyArn=policy_arn
        )


def _document(policy: dict[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"))
