"""Every permission that the operator needs in the management account, and why: its IAM policy is made of this.

Inside member accounts it acts as the access role, so what it does there (IAM users, the provider, the deploy role)
needs nothing here. `sts:GetCallerIdentity` needs no permission at all (its API reference).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from batteries_operator.aws.partition import AWS, Partition

ANY = "*"
MEMBERS = "arn:aws:organizations::*:account/*"
PLACES = ("arn:aws:organizations::*:root/*", "arn:aws:organizations::*:ou/*")


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on resources (IAM patterns), and what it is for."""

    action: str
    why: str
    resources: tuple[str, ...] = (ANY,)


def for_running(access_role_name: str) -> tuple[Permission, ...]:
    """What `run`, `doctor` and `orphans` call, and nothing else."""
    return (
        Permission("organizations:CreateAccount", "makes the member account"),
        Permission(
            "organizations:TagResource",
            "the tags that prove whose an account is",
        ),
        Permission("organizations:DescribeCreateAccountStatus", "follows its making"),
        Permission("organizations:ListCreateAccountStatus", "finds a request whose answer was lost"),
        Permission(
            "organizations:ListAccounts", "finds an account by its root e-mail address; orphans; the quota left"
        ),
        Permission("organizations:ListTagsForResource", "tells our accounts from strangers'"),
        Permission("organizations:DescribeAccount", "sees whether the account is active, or closed"),
        Permission("organizations:DescribeOrganization", "knows the management account, which is never touched"),
        Permission("organizations:ListRoots", "finds the OUs"),
        Permission("organizations:ListOrganizationalUnitsForParent", "finds the OUs"),
        Permission("organizations:ListParents", "sees which OU an account is in"),
        Permission("organizations:MoveAccount", "puts it into Customers, or Suspended", (MEMBERS, *PLACES)),
        Permission("organizations:CloseAccount", "deletionPolicy Close", (MEMBERS,)),
        Permission("organizations:ListPoliciesForTarget", "sees that the policy that closes an OU is on it"),
        Permission("organizations:DescribePolicy", "sees that it says what it should"),
        Permission("sts:AssumeRole", "acts inside member accounts", (f"arn:aws:iam::*:role/{access_role_name}",)),
        Permission("sso:ListInstances", "finds Identity Center"),
        Permission("sso:ListPermissionSets", "finds the permission set"),
        Permission("sso:DescribePermissionSet", "knows it by its name"),
        Permission("sso:ListManagedPoliciesInPermissionSet", "doctor: what it holds"),
        Permission("sso:ListCustomerManagedPolicyReferencesInPermissionSet", "doctor: what it holds"),
        Permission("sso:GetInlinePolicyForPermissionSet", "doctor: what it holds"),
        Permission("sso:ListAccountAssignments", "sees whether the owner has access"),
        Permission("sso:CreateAccountAssignment", "gives it"),
        Permission("sso:DescribeAccountAssignmentCreationStatus", "follows that"),
        Permission("sso:DeleteAccountAssignment", "takes it, on suspension and deletion"),
        Permission("sso:DescribeAccountAssignmentDeletionStatus", "follows that"),
        Permission("identitystore:GetUserId", "finds the owner's user"),
        Permission("identitystore:CreateUser", "makes it"),
        Permission("identitystore:ListUsers", "doctor: whether the directory takes users"),
        Permission("identitystore:DescribeUser", "orphans: the owner of an account that nobody stands for"),
        Permission("ses:SendEmail", "the welcome mail"),
        Permission("ses:GetAccount", "doctor: sandbox and sending quota"),
        Permission("ses:GetEmailIdentity", "doctor: the sender"),
        Permission("servicequotas:GetServiceQuota", "doctor: how many accounts the organization may have"),
        Permission("iam:SimulatePrincipalPolicy", "doctor: which of these permissions are missing"),
    )


def for_bootstrap() -> tuple[Permission, ...]:
    """What `bootstrap` calls beside reading; a person runs it once, and the operator never needs it."""
    return (
        Permission("organizations:CreateOrganizationalUnit", "the OUs Customers and Suspended"),
        Permission("organizations:EnablePolicyType", "service control policies"),
        Permission("organizations:ListPolicies", "finds our policies"),
        Permission("organizations:CreatePolicy", "what closes suspended accounts, and keeps our way into the others"),
        Permission("organizations:UpdatePolicy", "brings those of an older release up to date"),
        Permission("organizations:ListAccountsForParent", "sees that no stranger is in the OU that a policy is put on"),
        Permission("organizations:AttachPolicy", "puts them on Suspended and Customers"),
        Permission("sso:CreatePermissionSet", "what owners may do"),
        Permission("sso:AttachManagedPolicyToPermissionSet", "AdministratorAccess in it"),
        Permission("sso:UpdatePermissionSet", "its sessions' length"),
        Permission("sso:ProvisionPermissionSet", "brings it up to date in the accounts that have it"),
    )


def policy(permissions: Iterable[Permission], partition: Partition = AWS) -> dict[str, Any]:
    """An IAM policy that grants these in that partition of AWS, a statement for each kind of resource."""
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for permission in permissions:
        by_resources.setdefault(permission.resources, []).append(permission.action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": sorted(actions), "Resource": list(map(partition.translated, resources))}
            for resources, actions in by_resources.items()
        ],
    }
