"""The service control policies that the operator relies on: one closes suspended accounts, one protects our role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batteries_operator.aws.partition import Partition
from batteries_operator.runtime.settings import Settings

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

_MAKING_AND_TAGGING = ["iam:CreateRole", "iam:TagRole", "iam:UntagRole"]
"""CreateRole too: the deny-all policy exempts a role of that name in an account that has none yet."""

_LEAVING = ["account:CloseAccount", "organizations:LeaveOrganization"]
"""Outside the organization none of its policies holds, and a closed account can't be suspended or handed back."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A policy, and the OU that it is attached to.

    Its description marks a policy of that name as ours, whatever its content: `bootstrap` overwrites no other. So the
    description never changes. `earlier` is the content that earlier releases wrote, by the one role that it exempts:
    for an account that we enter by that role it does the same.
    """

    name: str
    description: str
    ou: str
    content: dict[str, Any]
    earlier: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def guardrails(settings: Settings, partition: Partition) -> tuple[Guardrail, Guardrail]:
    """The policy that closes suspended accounts, and the one that protects our role in the others."""
    by_name = {name: partition.arn("iam", f"role/{name}", "*") for name in settings.access_role_names}
    roles = list(by_name.values())
    changes = sorted([*_CHANGES_OF_A_ROLE, *_MAKING_AND_TAGGING])
    return (
        Guardrail(
            DENY_ALL,
            "Closes suspended accounts to everyone but the account factory.",
            settings.suspended_ou_name,
            _policy(_denied("Suspended", "*", ["*"], but=roles)),
            {name: _policy(_denied("Suspended", "*", ["*"], but=[role])) for name, role in by_name.items()},
        ),
        # Its owner administers the account, and could admit anybody to the role that the first policy exempts, or
        # lock us out of it.
        Guardrail(
            KEEP_ACCESS,
            "Keeps the account factory's role in customers' accounts as it is.",
            settings.customers_ou_name,
            _policy(_denied("KeepAccessRole", changes, roles, but=roles), _denied("StayAMember", _LEAVING, ["*"])),
        ),
    )


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _denied(sid: str, actions: str | list[str], resources: list[str], *, but: Sequence[str] = ()) -> dict[str, Any]:
    """Denies everyone but these roles: without the exception for our own we would lock ourselves out."""
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": resources}
    return statement | ({"Condition": {"ArnNotLike": {"aws:PrincipalARN": list(but)}}} if but else {})
