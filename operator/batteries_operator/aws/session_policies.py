"""The inline session policy of each purpose for which a member account is entered.

The access role administers the account. A session policy restricts that to the calls of the purpose (IAM user guide,
"Session policies"), so leaked keys of one step allow no more than that step does. AWS allows 2,048 characters.
"""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from batteries_crds import agent_access
from batteries_crds.github.trust_policy import PROVIDER_HOST, READ_ONLY_ROLE_NAME, ROLE_NAME
from batteries_operator.aws.partition import Partition
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from batteries_operator.aws.ownership import OwnedAccount

MAX_LENGTH = 2048


class Purpose(StrEnum):
    """The purpose for which an account is entered."""

    IDENTITY = "identity"
    CONSOLE = "console"
    ROLES = "roles"
    READERS = "readers"
    LOOK = "look"


_USER = tuple(
    f"iam:{operation}"
    for operation in (
        *("GetUser", "CreateUser", "TagUser", "GetLoginProfile", "CreateLoginProfile", "UpdateLoginProfile"),
        "DeleteLoginProfile",
    )
)
_ROLE = tuple(
    f"iam:{operation}"
    for operation in (
        *("GetRole", "CreateRole", "TagRole", "UpdateRole", "UpdateAssumeRolePolicy", "ListAttachedRolePolicies"),
    )
)
_PROVIDER = tuple(
    f"iam:{operation}"
    for operation in (
        *("GetOpenIDConnectProvider", "CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"),
        "AddClientIDToOpenIDConnectProvider",
    )
)

_LOOK = ("iam:GetAccountSummary", "iam:ListRoles", "cloudtrail:DescribeTrails", "s3:ListAllMyBuckets")


class SessionPolicies:
    """The policies with this installation's names."""

    def __init__(self, settings: Settings) -> None:
        self._user = settings.iam_user_name
        self._managed = settings.managed_policy_arn
        self._agents_policy = settings.agent_policy_arn or settings.managed_policy_arn
        self._read_only = settings.read_only_policy_arn
        self._boundaries = [each for each in (settings.deploy_boundary_arn, settings.agent_boundary_arn) if each]
        issuer = settings.issuer
        self._providers = (PROVIDER_HOST, issuer.host) if issuer else (PROVIDER_HOST,)

    def text(self, purpose: Purpose, partition: Partition, account: "OwnedAccount") -> str:
        """The policy as JSON, for a session in that AWS account."""
        statements = self._statements(purpose, partition, account)
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))

    def _statements(self, purpose: Purpose, partition: Partition, account: "OwnedAccount") -> list[dict[str, Any]]:
        def arns(kind: str, *names: str) -> list[str]:
            return [partition.arn("iam", f"{kind}/{name}", account.id) for name in names]

        def with_policy(action: str, resources: list[str], key: str, *policies: str) -> dict[str, Any]:
            allowed = list(dict.fromkeys(map(partition.managed_policy, policies)))
            return _allow((action,), resources) | {"Condition": {"ArnEquals": {key: allowed}}}

        match purpose:
            case Purpose.CONSOLE:
                user = arns("user", self._user)
                return [_allow(_USER, user), with_policy("iam:AttachUserPolicy", user, "iam:PolicyARN", self._managed)]
            case Purpose.ROLES:
                roles = arns("role", ROLE_NAME, agent_access.ROLE_NAME)
                action, key = "iam:PutRolePermissionsBoundary", "iam:PermissionsBoundary"
                return [
                    # The readers' role is closed in such a session, and opened in one of its own.
                    _allow(_ROLE, [*roles, *arns("role", READ_ONLY_ROLE_NAME)]),
                    with_policy("iam:AttachRolePolicy", roles, "iam:PolicyARN", self._managed, self._agents_policy),
                    *([with_policy(action, roles, key, *self._boundaries)] if self._boundaries else []),
                    _allow(_PROVIDER, arns("oidc-provider", *self._providers)),
                ]
            case Purpose.READERS:
                role = arns("role", READ_ONLY_ROLE_NAME)
                attach = with_policy("iam:AttachRolePolicy", role, "iam:PolicyARN", self._read_only)
                return [_allow(_ROLE, role), attach]
            case Purpose.LOOK:
                return [_allow(_LOOK, ["*"])]
            case _:
                return [_allow(("sts:GetCallerIdentity",), ["*"])]


def _allow(actions: tuple[str, ...], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}
