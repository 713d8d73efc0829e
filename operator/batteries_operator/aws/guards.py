"""The service control policies that the operator relies on: one shuts a suspended account, one keeps its own way in."""

from dataclasses import dataclass
from typing import Any

from batteries_operator.aws.partition import Partition
from batteries_operator.settings import Settings

DENY_ALL = "BatteriesDenyAll"
KEEP_ACCESS = "BatteriesKeepAccessRole"

_CHANGES_OF_A_ROLE = [
    f"iam:{operation}"
    for operation in (
        *("AttachRolePolicy", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy"),
        *("PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole"),
        "UpdateRoleDescription",
    )
]
"""As in the Organizations user guide's SCP "Prevent IAM users and roles from making specified changes"."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A policy, and the OU that it is attached to."""

    name: str
    description: str
    ou: str
    content: dict[str, Any]


def guards(settings: Settings, partition: Partition) -> tuple[Guard, ...]:
    """All of them."""
    role = partition.arn("iam", f"role/{settings.access_role_name}", "*")
    return (
        Guard(
            DENY_ALL,
            "Closes suspended accounts to everyone but the account factory.",
            settings.suspended_ou_name,
            _denied(role, "Suspended", "*", "*"),
        ),
        # Its owner administers the account, and could let anybody into the role that the first policy lets through, or
        # shut us out of it.
        Guard(
            KEEP_ACCESS,
            "Keeps the account factory's role in customers' accounts as it is.",
            settings.customers_ou_name,
            _denied(role, "KeepAccessRole", _CHANGES_OF_A_ROLE, role),
        ),
    )


def _denied(role: str, sid: str, actions: str | list[str], resource: str) -> dict[str, Any]:
    """Denied to everyone but the operator's own role: without that exception we would lock ourselves out."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": sid,
                "Effect": "Deny",
                "Action": actions,
                "Resource": resource,
                "Condition": {"ArnNotLike": {"aws:PrincipalARN": [role]}},
            }
        ],
    }
