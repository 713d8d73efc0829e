"""Every permission that the operator needs in the management account, and why. The IAM policy is generated from this.

Inside member accounts the operator uses the access role, so its actions there (IAM users, the provider, the deploy
role) need nothing here. `sts:GetCallerIdentity` needs no permission at all (its API reference).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batteries_crds.names import GROUP, TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.aws import account_names
from batteries_operator.aws.partition import AWS, Partition
from batteries_operator.aws.root_access import SERVICE

ANY = "*"
OURSELVES = "${aws:PrincipalAccount}"
"""IAM's variable for the caller's account: the operator's own, which is the management account."""

Condition = Mapping[str, Mapping[str, Any]]

# The condition keys of Organizations' accounts and of tagging, from the service authorization reference.
OURS: Condition = {"StringLike": {f"aws:ResourceTag/{TAG_RESOURCE}": "*/*"}}
OURS_BY_NAME: Condition = {"ForAnyValue:StringLike": {f"account:AccountResourceOrgTags/{TAG_RESOURCE}": "*/*"}}
"""The same in Account Management, whose own key has a set of values (its reference, "How it works with IAM")."""

OUR_TAGS: Condition = {"ForAllValues:StringLike": {"aws:TagKeys": f"{GROUP}/*"}}
ON_CREATION: Condition = {
    **OUR_TAGS,
    "StringLike": {f"aws:RequestTag/{TAG_RESOURCE}": "*/*", f"aws:RequestTag/{TAG_ACCOUNT_ID}": "*"},
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on resources (IAM patterns) under a condition, and its purpose."""

    action: str
    why: str
    resources: tuple[str, ...] = (ANY,)
    condition: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """The resources that the policy covers: our names, and AWS's ids as far as they are known. A `*` is any."""

    roles: tuple[str, ...]
    sender: str = ""
    management: str = OURSELVES
    organization: str = "o-*"
    instance: str = "*"
    permission_set: str = "arn:aws:sso:::permissionSet/*"
    earlier: tuple[str, ...] = ()
    """ARNs of access roles with another name, in accounts that an earlier release created or that were adopted."""
    renames: bool = False
    """Whether accounts that a pool prepared are named (BATTERIES_POOL_RENAME)."""

    def organizations(self, resource: str) -> str:
        """The ARN of an account, OU or root of the organization."""
        return f"arn:aws:organizations::{self.management}:{resource.replace('/', f'/{self.organization}/', 1)}"

    @property
    def instance_arn(self) -> str:
        """Identity Center's instance."""
        return f"arn:aws:sso:::instance/{self.instance}"

    @property
    def any_permission_set(self) -> str:
        """Every permission set of that instance: ours is found by its name among all."""
        return f"arn:aws:sso:::permissionSet/{self.instance}/*"

    @property
    def identities(self) -> tuple[str, ...]:
        """The sender's address and its domain in SES, one of which is verified."""
        names = (self.sender, self.sender.rpartition("@")[2])
        return tuple(f"arn:aws:ses:*:{self.management}:identity/{name}" for name in names)


def for_running(access_role_name: str, reach: Reach | None = None) -> tuple[Permission, ...]:
    """The permissions of `run`, `doctor` and `orphans`, and no others."""
    reach = reach or Reach((access_role_name,))
    parts = (_organizations, _names, _entering, _identity_center, _mail)
    return (*(each for part in parts for each in part(reach)), *_the_doctors())


def _organizations(reach: Reach) -> tuple[Permission, ...]:
    members, places = (reach.organizations("account/*"),), (reach.organizations("root/*"), reach.organizations("ou/*"))
    return (
        Permission("organizations:CreateAccount", "create the member account", condition=ON_CREATION),
        Permission("organizations:TagResource", "set the tags that prove an account's owner", condition=ON_CREATION),
        Permission("organizations:TagResource", "set them later on an account of ours", members, {**OURS, **OUR_TAGS}),
        Permission("organizations:DescribeCreateAccountStatus", "poll the creation"),
        Permission("organizations:ListCreateAccountStatus", "find a creation whose response was lost"),
        Permission(
            "organizations:ListAccounts", "find an account by its root e-mail address; list orphans; count the quota"
        ),
        Permission("organizations:ListTagsForResource", "distinguish our accounts from others"),
        Permission(
            "organizations:ListAccountsForParent", "where there are pools: find what an AwsAccount without a status had"
        ),
        Permission("organizations:DescribeAccount", "check whether the account is active or closed"),
        Permission("organizations:DescribeOrganization", "find the management account, which is never touched"),
        Permission("organizations:ListRoots", "find the OUs"),
        Permission("organizations:ListOrganizationalUnitsForParent", "find the OUs"),
        Permission("organizations:ListParents", "check which OU an account is in"),
        Permission(
            "organizations:MoveAccount", "move it to the OU of its profile, to Suspended or Pool", members, OURS
        ),
        Permission("organizations:MoveAccount", "move it from and to these", places),
        Permission("organizations:CloseAccount", "deletionPolicy Close", members, OURS),
        Permission("organizations:ListPoliciesForTarget", "check that our policies are attached to the OUs"),
        Permission("organizations:DescribePolicy", "check their content"),
    )


def _names(reach: Reach) -> tuple[Permission, ...]:
    """Only where the setting asks for names: an account's name is seen by everybody who gets the bill."""
    if not reach.renames:
        return ()
    members = (f"arn:aws:account::{reach.management}:account/{reach.organization}/*",)
    return (
        Permission(
            "account:GetAccountInformation", "BATTERIES_POOL_RENAME: read an account's name", members, OURS_BY_NAME
        ),
        Permission(
            "account:PutAccountName", "BATTERIES_POOL_RENAME: name an account from a pool", members, OURS_BY_NAME
        ),
    )


def _entering(reach: Reach) -> tuple[Permission, ...]:
    roles = tuple(f"arn:aws:iam::*:role/{name}" for name in reach.roles) + reach.earlier
    return (Permission("sts:AssumeRole", "act inside member accounts", roles),)


def _identity_center(reach: Reach) -> tuple[Permission, ...]:
    instance, every = (reach.instance_arn,), (reach.instance_arn, reach.any_permission_set)
    access = (reach.instance_arn, reach.permission_set, "arn:aws:sso:::account/*")
    return (
        Permission("sso:ListInstances", "find Identity Center"),
        Permission("sso:ListPermissionSets", "find the permission set", instance),
        Permission("sso:DescribePermissionSet", "read its name", every),
        Permission("sso:ListManagedPoliciesInPermissionSet", "doctor: check its content", every),
        Permission("sso:ListCustomerManagedPolicyReferencesInPermissionSet", "doctor: check its content", every),
        Permission("sso:GetInlinePolicyForPermissionSet", "doctor: check its content", every),
        Permission("sso:ListAccountAssignments", "check whether the owner has access", access),
        Permission("sso:CreateAccountAssignment", "give the owner access", access),
        Permission("sso:DescribeAccountAssignmentCreationStatus", "poll that", instance),
        Permission("sso:DeleteAccountAssignment", "remove access at suspension and deletion", access),
        Permission("sso:DescribeAccountAssignmentDeletionStatus", "poll that", instance),
        Permission("identitystore:GetUserId", "find the owner's user"),
        Permission("identitystore:CreateUser", "create the owner's user"),
        Permission("identitystore:ListUsers", "doctor: check whether users can be created"),
        Permission(
            "identitystore:DescribeUser",
            "check for which Customer the user was created; orphans: find the owner of an account without AwsAccount",
        ),
    )


def _mail(reach: Reach) -> tuple[Permission, ...]:
    if not reach.sender:
        return (Permission("ses:GetAccount", "doctor: check sandbox and sending quota"),)
    sender: Condition = {"StringEquals": {"ses:FromAddress": reach.sender}}
    return (
        Permission(
            "ses:SendEmail", "send mails to customers, only from the configured sender", reach.identities, sender
        ),
        Permission("ses:GetAccount", "doctor: check sandbox and sending quota"),
        Permission("ses:GetEmailIdentity", "doctor: check the sender", reach.identities),
    )


def _the_doctors() -> tuple[Permission, ...]:
    return (
        Permission("servicequotas:GetServiceQuota", "doctor: read the quota of accounts"),
        Permission("iam:SimulatePrincipalPolicy", "doctor: find missing permissions"),
        Permission(
            "organizations:ListAWSServiceAccessForOrganization", "doctor: check whether IAM may manage root users"
        ),
        Permission("iam:ListOrganizationsFeatures", "doctor: check whether new accounts have no root password"),
    )


@dataclass(frozen=True, slots=True)
class Denial:
    """Actions that the policy denies whatever else is granted, and why."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Condition = field(default_factory=dict)


def denials(reach: Reach) -> tuple[Denial, ...]:
    """What stays denied even if somebody attaches a wider policy in addition to this one."""
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
            "an existing account may be tagged only if it is ours; a new one has no id yet, and therefore no such ARN",
            ("organizations:TagResource",),
            tuple(reach.organizations(each) for each in ("account/" + "?" * 12, "root/*", "ou/*", "policy/*")),
            {"Null": {f"aws:ResourceTag/{TAG_RESOURCE}": "true"}},
        ),
        Denial(
            "NoEscalation",
            "the operator can't give itself or anybody else in the management account more permissions",
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
    """What `bootstrap` needs in addition to reading; a person runs it once, and the operator never needs it."""
    return (
        Permission(
            "organizations:CreateOrganizationalUnit", "create the OUs Customers, Suspended and Pool, and profiles'"
        ),
        Permission("organizations:EnablePolicyType", "turn on service control policies"),
        Permission("organizations:ListPolicies", "find our policies"),
        Permission(
            "organizations:CreatePolicy", "create the deny policy for suspended and pooled accounts, and the guardrails"
        ),
        Permission("organizations:UpdatePolicy", "update policies of an older release or other settings"),
        Permission("organizations:AttachPolicy", "attach them to the OUs"),
        Permission("organizations:DetachPolicy", "detach guardrails that the settings don't want there any more"),
        Permission(
            "organizations:EnableAWSServiceAccess",
            "let IAM manage the root users of member accounts",
            condition={"StringEquals": {"organizations:ServicePrincipal": SERVICE}},
        ),
        Permission(
            "organizations:EnableAWSServiceAccess",
            "BATTERIES_POOL_RENAME: let the management account name member accounts",
            condition={"StringEquals": {"organizations:ServicePrincipal": account_names.SERVICE}},
        ),
        Permission("iam:EnableOrganizationsRootCredentialsManagement", "let new accounts have no root password"),
        Permission("sso:CreatePermissionSet", "create the owners' permission set"),
        Permission("sso:AttachManagedPolicyToPermissionSet", "add AdministratorAccess to it"),
        Permission("sso:UpdatePermissionSet", "set its session duration"),
        Permission("sso:ProvisionPermissionSet", "update it in the accounts that have it"),
    )


def policy(
    permissions: Iterable[Permission], partition: Partition = AWS, denied: Sequence[Denial] = ()
) -> dict[str, Any]:
    """The IAM policy for these permissions and denials in an AWS partition."""
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
