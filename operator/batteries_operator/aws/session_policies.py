"""The inline session policy of each purpose for which a member account is entered.

The access role administers the account. A session policy restricts that to the calls of the purpose (IAM user guide,
"Session policies"), so leaked keys of one step allow no more than that step does. AWS allows 2,048 characters.
"""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import PROVIDER_HOST, ROLE_NAME
from batteries_operator.aws.partition import Partition
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from batteries_operator.aws.ownership import OwnedAccount

MAX_LENGTH = 2048


class Purpose(StrEnum):
    """The purpose for which an account is entered."""

    IDENTITY = "identity"
    CONSOLE = "console"
    DEPLOY_ROLE = "deploy role"


_USER = tuple(
    f"iam:{operation}"
    for operation in (
        *("GetUser", "CreateUser", "TagUser", "GetLoginProfile", "CreateLoginProfile", "UpdateLoginProfile"),
        "DeleteLoginProfile",
    )
)
_ROLE = tuple(
    f"iam:{operation}"
    for operation in ("GetRole", "CreateRole", "TagRole", "UpdateAssumeRolePolicy", "ListAttachedRolePolicies")
)
_PROVIDER = tuple(
    f"iam:{operation}"
    for operation in (
        *("GetOpenIDConnectProvider", "CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"),
        "AddClientIDToOpenIDConnectProvider",
    )
)


class SessionPolicies:
    """The policies with this installation's names."""

    def __init__(self, settings: Settings) -> None:
        self._user = settings.iam_user_name
        self._managed = settings.managed_policy_arn

    def text(self, purpose: Purpose, partition: Partition, account: "OwnedAccount") -> str:
        """The policy as JSON, for a session in that AWS account."""
        return json.dumps({"Version": "2012-10-17", "Statement": self._statements(purpose, partition, account)})

    def _statements(self, purpose: Purpose, partition: Partition, account: "OwnedAccount") -> list[dict[str, Any]]:
        managed = {"ArnEquals": {"iam:PolicyARN": partition.managed_policy(self._managed)}}
        user, role = (partition.arn("iam", what, account.id) for what in (f"user/{self._user}", f"role/{ROLE_NAME}"))
        match purpose:
            case Purpose.CONSOLE:
                return [_allow(_USER, user), _allow(("iam:AttachUserPolicy",), user) | {"Condition": managed}]
            case Purpose.DEPLOY_ROLE:
                provider = partition.arn("iam", f"oidc-provider/{PROVIDER_HOST}", account.id)
                attach = _allow(("iam:AttachRolePolicy",), role) | {"Condition": managed}
                return [_allow(_ROLE, role), attach, _allow(_PROVIDER, provider)]
            case _:
                return [_allow(("sts:GetCallerIdentity",), "*")]


def _allow(actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}
