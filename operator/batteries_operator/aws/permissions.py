"""Every permission that the operator needs in the management account, and why: its IAM policy is made of this.

Inside member accounts it acts as the access role, so what it does there (IAM users, the provider, the deploy role)
needs nothing here. `sts:GetCallerIdentity` needs no permission at all (its API reference).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batteries_crds.names import GROUP, TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.aws.partition import AWS, Partition

ANY = "*"
OURSELVES = "${aws:PrincipalAccount}"
"""IAM's variable for the account of whoever calls: the operator's own, which is the management account."""

Condition = Mapping[str, Mapping[str, Any]]

# What the service authorization reference has as condition keys of Organizations' accounts, and of tagging.
OURS: Condition = {"StringLike": {f"aws:ResourceTag/{TAG_RESOURCE}": "*/*"}}
OUR_TAGS: Condition = {"ForAllValues:StringLike": {"aws:TagKeys": f"{GROUP}/*"}}
ON_CREATION: Condition = {
    **OUR_TAGS,
    "StringLike": {f"aws:RequestTag/{TAG_RESOURCE}": "*/*", f"aws:RequestTag/{TAG_ACCOUNT_ID}": "*"},
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on resources (IAM patterns) under a condition, and what it is for."""

    action: str
    why: str
    resources: tuple[str, ...] = (ANY,)
    condition: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the policy is for: names of ours, and ids of AWS's as far as they are known. A `*` is any."""

    roles: tuple[str, ...]
    sender: str = ""
    management: str = OURSELVES
    organization: str = "o-*"
    instance: str = "*"
    permission_set: str = "arn:aws:sso:::permissionSet/*"
    earlier: tuple[str, ...] = ()
    """ARNs of access roles of another name, in accounts that an earlier release made or that were adopted."""

    def organizations(self, resource: str) -> str:
        """The ARN of an account, OU or root of the organization."""
        return f"arn:aws:organizations::{self.management}:{resource.replace('/', f'/{self.organization}/', 1)}"

    @property
    def instance_arn(self) -> str:
        """Identity Center's instance."""
        return f"arn:aws:sso:::instance/{self.instance}"

    @property
    def any_permission_set(self) -> str:
        """Every permission set of it: one is found by its name among all."""
        return f"arn:aws:sso:::permissionSet/{self.instance}/*"

    @property
    def identities(self) -> tuple[str, ...]:
        """The sender's address and its domain in SES, of which one is verified."""
        names = (self.sender, self.sender.rpartition("@")[2])
        return tuple(f"arn:aws:ses:*:{self.management}:identity/{name}" for name in names)


def for_running(access_role_name: str, reach: Reach | None = None) -> tuple[Permission, ...]:
    """What `run`, `doctor` and `orphans` call, and nothing else."""
    reach = reach or Reach((access_role_name,))
    return (*_organizations(reach), *_entering(reach), *_identity_center(reach), *_mail(reach), *_the_doctors())


def _organizations(reach: Reach) -> tuple[Permission, ...]:
    members, places = (reach.organizations("account/*"),), (reach.organizations("root/*"), reach.organizations("ou/*"))
    return (
        Permission("organizations:CreateAccount", "makes the member account", condition=ON_CREATION),
        Permission("organizations:TagResource", "the tags that prove whose an account is", condition=ON_CREATION),
        Permission(
            "organizations:TagResource", "the same, later, on an account that is ours", members, {**OURS, **OUR_TAGS}
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
        Permission("organizations:MoveAccount", "puts it into Customers, or Suspended", members, OURS),
        Permission("organizations:MoveAccount", "from and to these", places),
        Permission("organizations:CloseAccount", "deletionPolicy Close", members, OURS),
        Permission("organizations:ListPoliciesForTarget", "sees that the policy that closes an OU is on it"),
        Permission("organizations:DescribePolicy", "sees that it says what it should"),
    )


def _entering(reach: Reach) -> tuple[Permission, ...]:
    roles = tuple(f"arn:aws:iam::*:role/{name}" for name in reach.roles) + reach.earlier
    return (Permission("sts:AssumeRole", "acts inside member accounts", roles),)


def _identity_center(reach: Reach) -> tuple[Permission, ...]:
    instance, every = (reach.instance_arn,), (reach.instance_arn, reach.any_permission_set)
    access = (reach.instance_arn, reach.permission_set, "arn:aws:sso:::account/*")
    return (
        Permission("sso:ListInstances", "finds Identity Center"),
        Permission("sso:ListPermissionSets", "finds the permission set", instance),
        Permission("sso:DescribePermissionSet", "knows it by its name", every),
        Permission("sso:ListManagedPoliciesInPermissionSet", "doctor: what it holds", every),
        Permission("sso:ListCustomerManagedPolicyReferencesInPermissionSet", "doctor: what it holds", every),
        Permission("sso:GetInlinePolicyForPermissionSet", "doctor: what it holds", every),
        Permission("sso:ListAccountAssignments", "sees whether the owner has access", access),
        Permission("sso:CreateAccountAssignment", "gives it", access),
        Permission("sso:DescribeAccountAssignmentCreationStatus", "follows that", instance),
        Permission("sso:DeleteAccountAssignment", "takes it, on suspension and deletion", access),
        Permission("sso:DescribeAccountAssignmentDeletionStatus", "follows that", instance),
        Permission("identitystore:GetUserId", "finds the owner's user"),
        Permission("identitystore:CreateUser", "makes it"),
        Permission("identitystore:ListUsers", "doctor: whether the directory takes users"),
        Permission(
            "identitystore:DescribeUser",
            "for which Customer it was made; orphans: the owner of an account that nobody stands for",
        ),
    )


def _mail(reach: Reach) -> tuple[Permission, ...]:
    if not reach.sender:
        return (Permission("ses:GetAccount", "doctor: sandbox and sending quota"),)
    sender: Condition = {"StringEquals": {"ses:FromAddress": reach.sender}}
    return (
        Permission("ses:SendEmail", "mails to customers, from the one sender", reach.identities, sender),
        Permission("ses:GetAccount", "doctor: sandbox and sending quota"),
        Permission("ses:GetEmailIdentity", "doctor: the sender", reach.identities),
    )


def _the_doctors() -> tuple[Permission, ...]:
    return (
        Permission("servicequotas:GetServiceQuota", "doctor: how many accounts the organization may have"),
        Permission("iam:SimulatePrincipalPolicy", "doctor: which of these permissions are missing"),
    )


@dataclass(frozen=True, slots=True)
class Denial:
    """Actions that are denied whatever else is granted, and why."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Condition = field(default_factory=dict)


def denials(reach: Reach) -> tuple[Denial, ...]:
    """What stays out of reach, also where somebody attaches a wider policy beside this one."""
    return (
        Denial(
            "ManagementAccount",
            "the management account is never moved, closed, tagged, entered or assigned",
            (
                *("organizations:CloseAccount", "organizations:MoveAccount", "organizations:TagResource"),
                *("sso:CreateAccountAssignment", "sso:DeleteAccountAssignment", "sts:AssumeRole"),
            ),
            (
                reach.organizations(f"account/{reach.management}"),
                f"arn:aws:sso:::account/{reach.management}",
                f"arn:aws:iam::{reach.management}:role/*",
            ),
        ),
        Denial(
            "StrangersTags",
            "an account that exists is tagged only where it is ours; a new one has no id yet, and so no such ARN",
            ("organizations:TagResource",),
            tuple(reach.organizations(each) for each in ("account/" + "?" * 12, "root/*", "ou/*", "policy/*")),
            {"Null": {f"aws:ResourceTag/{TAG_RESOURCE}": "true"}},
        ),
        Denial(
            "NoEscalation",
            "the operator gives neither itself nor anybody in the management account more permissions",
            (
                *(
                    "iam:Add*",
                    "iam:Attach*",
                    "iam:Create*",
                    "iam:Deactivate*",
                    "iam:Delete*",
                    "iam:Detach*",
                    "iam:Pass*",
                ),
                *(
                    "iam:Pass*",
                    "iam:Put*",
                    "iam:Remove*",
                    "iam:Set*",
                    "iam:Tag*",
                    "iam:Untag*",
                    "iam:Update*",
                    "iam:Upload*",
                ),
            ),
            (ANY,),
        ),
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


def policy(
    permissions: Iterable[Permission], partition: Partition = AWS, denied: Sequence[Denial] = ()
) -> dict[str, Any]:
    """An IAM policy that grants these in that partition of AWS, and denies those."""
    alike: dict[str, list[Permission]] = {}
    for permission in permissions:
        alike.setdefault(repr((permission.resources, permission.condition)), []).append(permission)
    granted = [
        _statement("Allow", sorted(each.action for each in same), same[0].resources, same[0].condition, partition)
        for same in alike.values()
    ]
    refused = [
        {"Sid": each.sid} | _statement("Deny", list(each.actions), each.resources, each.condition, partition)
        for each in denied
    ]
    return {"Version": "2012-10-17", "Statement": [*granted, *refused]}


def _statement(
    effect: str, actions: list[str], resources: Sequence[str], condition: Condition, partition: Partition
) -> dict[str, Any]:
    found = {"Effect": effect, "Action": actions, "Resource": [partition.translated(each) for each in resources]}
    return found | ({"Condition": {name: dict(keys) for name, keys in condition.items()}} if condition else {})
