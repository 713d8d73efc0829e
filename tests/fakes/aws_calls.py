"""Every AWS call of the operator, and what happens if its resource does not exist or is somebody else's.

A table to be read: `test_aws_calls` walks each row, and fails where the code has a call that is not in here. That AWS
is in trouble, and that an answer is lost after AWS did it, mean the same for every call, so they have no column.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fakes.stages import ADOPT, CHANGE, CLAIM, CLOSE, MAKE, NAME, RESUME, SUSPEND, Stage


class How(StrEnum):
    """What comes of it that AWS does not find the thing."""

    ANSWER = "an answer"  # it was asked whether it is there: the step goes on
    TROUBLE = "trouble"  # told, tried on, Stalled when it lasts; goes on by itself when it is there
    ANEW = "trouble, then looked for anew"  # told and tried on; when that lasts it is looked for by its name
    MAIL = "trouble, not Stalled"  # the same, in a step without which the account is active
    REFUSED = "refused"  # told; the account is active, and the next comparison tries it again
    SEEN = "seen"  # failed by what was seen in AWS; the next comparison that sees otherwise takes it back
    NEVER = "never"  # the call names nothing that could be gone


@dataclass(frozen=True)
class Gone:
    """AWS's code (botocore's model of the operation has it), what comes of it, and the reason that is told."""

    how: How
    code: str = ""
    reason: str = ""


def answer(code: str) -> Gone:
    return Gone(How.ANSWER, code)


def trouble(code: str, reason: str = "NotFoundInAws") -> Gone:
    return Gone(How.TROUBLE, code, reason)


NO_MEMBER = Gone(How.SEEN, "AccountNotFoundException", "AccountGone")
NO_TARGET = Gone(How.SEEN, "TargetNotFoundException", "AccountGone")
NEVER = Gone(How.NEVER)

OURS = "account"
"""The AWS account is another's by its tags: the call needs an `OwnedAccount`, and there is none."""


@dataclass(frozen=True)
class Call:
    """One call, in one stage of an account's life.

    `told` is the condition that tells of it. `strangers` is the thing that may be somebody else's there, a key of
    `test_aws_strangers`, or why there is none. `again` is the call that looks once more for what we remembered, where
    that was made again in AWS. `first` are faults of the stand-in, and `limits` settings of it, that lead to the call.
    """

    name: str
    stage: Stage
    told: str
    gone: Gone
    strangers: str
    again: str = ""
    first: tuple[dict[str, Any], ...] = ()
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name} ({self.stage.name})"


LOST_REQUEST = {"kind": "request_lost", "service": "organizations", "operation": "CreateAccount"}
ADDRESS_TAKEN = {"kind": "fail_later", "operation": "CreateAccount", "reason": "EMAIL_ALREADY_EXISTS"}
LOST_PROFILE = {"kind": "answer_lost", "service": "iam", "operation": "CreateLoginProfile"}

SLOW = {"assignment_seconds": 0.1}

OUS = "organizations:ListOrganizationalUnitsForParent"
SETS = "sso:ListPermissionSets"
INSTANCES = "sso:ListInstances"
KEYS = "sts:AssumeRole"

# What names no thing of anybody's.
A_LIST = "no: a list of everything; each item is recognized by its tag or name"
A_QUESTION = "no: it reads our own identity"
OUR_NAME = "no: found by its name; bootstrap and doctor check its content"
KNOWN = "no: the status says that we made it"
FIRST_PASSWORD = "no: called only if our Secret holds the password and nobody has chosen another"
TRUSTED = "no: whoever writes spec.email is trusted to know the owner"
BELONGS = "no: its resource was proved to be ours just before"

ORGANIZATIONS = (
    Call("organizations:CreateAccount", MAKE, "AccountRequested", NEVER, "address"),
    Call(
        "organizations:DescribeCreateAccountStatus",
        MAKE,
        "AccountCreated",
        Gone(How.ANEW, "CreateAccountStatusNotFoundException", "NotFoundInAws"),
        "address",
    ),
    Call("organizations:ListCreateAccountStatus", MAKE, "AccountRequested", NEVER, A_LIST, first=(LOST_REQUEST,)),
    Call("organizations:ListAccounts", MAKE, "AccountRequested", NEVER, A_LIST, first=(LOST_REQUEST,)),
    Call("organizations:DescribeOrganization", MAKE, "AccountCreated", NEVER, A_QUESTION),
    Call(
        "organizations:ListTagsForResource",
        MAKE,
        "AccountCreated",
        trouble("TargetNotFoundException", "WaitingForTags"),
        OURS,
    ),
    Call("organizations:ListTagsForResource", SUSPEND, "Quarantined", NO_TARGET, OURS),
    Call("organizations:ListTagsForResource", RESUME, "InCustomersOU", NO_TARGET, OURS),
    Call("organizations:TagResource", CLAIM, "AccountRequested", trouble("TargetNotFoundException"), BELONGS),
    Call("organizations:TagResource", ADOPT, "AccountRequested", trouble("TargetNotFoundException"), OURS),
    Call("organizations:DescribeAccount", MAKE, "InCustomersOU", NO_MEMBER, OURS),
    Call("organizations:DescribeAccount", SUSPEND, "Quarantined", NO_MEMBER, OURS),
    Call("organizations:DescribeAccount", CLOSE, "Closed", answer("AccountNotFoundException"), OURS),
    Call("organizations:ListRoots", MAKE, "InCustomersOU", NEVER, A_LIST),
    Call(OUS, MAKE, "InCustomersOU", trouble("ParentNotFoundException"), OUR_NAME),
    Call("organizations:ListParents", MAKE, "InCustomersOU", trouble("ChildNotFoundException"), OURS),
    Call("organizations:MoveAccount", MAKE, "InCustomersOU", trouble("AccountNotFoundException"), OURS),
    Call(
        "organizations:MoveAccount",
        RESUME,
        "InCustomersOU",
        trouble("DestinationParentNotFoundException"),
        OURS,
        again=OUS,
    ),
    Call(
        "organizations:MoveAccount",
        SUSPEND,
        "Quarantined",
        trouble("SourceParentNotFoundException", "ParentChanged"),
        OURS,
    ),
    Call("organizations:ListPoliciesForTarget", MAKE, "InCustomersOU", trouble("TargetNotFoundException"), OUR_NAME),
    Call("organizations:DescribePolicy", MAKE, "InCustomersOU", trouble("PolicyNotFoundException"), OUR_NAME),
    Call("organizations:ListPoliciesForTarget", SUSPEND, "Quarantined", trouble("TargetNotFoundException"), "guard"),
    Call("organizations:DescribePolicy", SUSPEND, "Quarantined", trouble("PolicyNotFoundException"), "guard"),
    Call("organizations:CloseAccount", CLOSE, "Closed", trouble("AccountNotFoundException"), OURS),
)

STS = (
    Call("sts:AssumeRole", MAKE, "RoleReady", trouble("AccessDenied", "RolePropagating"), OURS),
    Call("sts:AssumeRole", SUSPEND, "ConsoleClosed", trouble("AccessDenied", "AccessDenied"), OURS),
    Call("sts:GetCallerIdentity", MAKE, "RoleReady", NEVER, A_QUESTION),
)

IAM = (
    Call("iam:GetUser", ADOPT, "IAMUserReady", answer("NoSuchEntity"), "user"),
    Call("iam:GetUser", RESUME, "IAMUserReady", trouble("InvalidClientTokenId", "CredentialsRefused"), KNOWN, KEYS),
    Call("iam:GetUser", SUSPEND, "ConsoleClosed", answer("NoSuchEntity"), KNOWN),
    Call("iam:CreateUser", ADOPT, "IAMUserReady", NEVER, "user"),
    Call("iam:AttachUserPolicy", MAKE, "IAMUserReady", trouble("NoSuchEntity"), BELONGS),
    Call("iam:GetLoginProfile", RESUME, "IAMUserReady", answer("NoSuchEntity"), BELONGS),
    Call("iam:CreateLoginProfile", MAKE, "IAMUserReady", trouble("NoSuchEntity"), BELONGS),
    Call(
        "iam:UpdateLoginProfile", MAKE, "IAMUserReady", trouble("NoSuchEntity"), FIRST_PASSWORD, first=(LOST_PROFILE,)
    ),
    Call("iam:DeleteLoginProfile", SUSPEND, "ConsoleClosed", answer("NoSuchEntity"), KNOWN),
    Call("iam:GetRole", ADOPT, "OIDCConfigured", answer("NoSuchEntity"), "role"),
    Call("iam:GetRole", SUSPEND, "DeployRoleClosed", answer("NoSuchEntity"), KNOWN),
    Call("iam:GetRole", RESUME, "OIDCConfigured", trouble("ExpiredToken", "CredentialsRefused"), KNOWN, KEYS),
    Call("iam:CreateRole", ADOPT, "OIDCConfigured", NEVER, "role"),
    Call("iam:UpdateAssumeRolePolicy", SUSPEND, "DeployRoleClosed", trouble("NoSuchEntity"), KNOWN),
    Call("iam:UpdateRole", CHANGE, "OIDCConfigured", trouble("NoSuchEntity"), BELONGS),
    Call("iam:PutRolePermissionsBoundary", CHANGE, "OIDCConfigured", trouble("NoSuchEntity"), BELONGS),
    Call("iam:ListAttachedRolePolicies", MAKE, "OIDCConfigured", trouble("NoSuchEntity"), BELONGS),
    Call("iam:AttachRolePolicy", MAKE, "OIDCConfigured", trouble("NoSuchEntity"), BELONGS),
    Call("iam:GetOpenIDConnectProvider", ADOPT, "OIDCConfigured", answer("NoSuchEntity"), "provider"),
    Call("iam:CreateOpenIDConnectProvider", ADOPT, "OIDCConfigured", NEVER, "provider"),
    Call("iam:AddClientIDToOpenIDConnectProvider", CHANGE, "OIDCConfigured", trouble("NoSuchEntity"), "provider"),
)

MISSING = trouble("ResourceNotFoundException")
NO_USER = answer("ResourceNotFoundException")

IDENTITY_CENTER = (
    Call(INSTANCES, MAKE, "SSOAssigned", NEVER, A_LIST),
    Call(SETS, MAKE, "SSOAssigned", MISSING, A_LIST, again=INSTANCES),
    Call("sso:DescribePermissionSet", MAKE, "SSOAssigned", MISSING, OUR_NAME, again=INSTANCES),
    Call("sso:ListAccountAssignments", MAKE, "SSOAssigned", MISSING, OURS, again=SETS),
    Call("sso:ListAccountAssignments", SUSPEND, "SSORevoked", MISSING, OURS, again=SETS),
    Call("sso:CreateAccountAssignment", MAKE, "SSOAssigned", MISSING, OURS, again=SETS),
    Call("sso:DescribeAccountAssignmentCreationStatus", MAKE, "SSOAssigned", NO_USER, BELONGS, limits=SLOW),
    Call("sso:DeleteAccountAssignment", SUSPEND, "SSORevoked", MISSING, OURS, again=SETS),
    Call("sso:DescribeAccountAssignmentDeletionStatus", SUSPEND, "SSORevoked", NO_USER, BELONGS, limits=SLOW),
    Call("identitystore:GetUserId", MAKE, "SSOAssigned", NO_USER, "person"),
    Call("identitystore:CreateUser", MAKE, "SSOAssigned", MISSING, "person", again=INSTANCES),
    Call("identitystore:DescribeUser", RESUME, "SSOAssigned", MISSING, TRUSTED),
)

MAILS = (
    Call(
        "ses:SendEmail",
        MAKE,
        "WelcomeEmailSent",
        Gone(How.MAIL, "NotFoundException", "NotFoundInAws"),
        "no: it is sent to the owner and contains no secret",
    ),
)

NO_TRUST = Gone(How.REFUSED, "AccessDeniedException", "AccessDenied")

NAMES = (
    Call("account:GetAccountInformation", NAME, "AccountNamed", NO_TRUST, BELONGS),
    Call("account:PutAccountName", NAME, "AccountNamed", NO_TRUST, BELONGS),
)

CALLS = (*ORGANIZATIONS, *STS, *IAM, *IDENTITY_CENTER, *MAILS, *NAMES)

BOOTSTRAPS = (
    *("organizations:AttachPolicy", "organizations:CreateOrganizationalUnit", "organizations:CreatePolicy"),
    *("organizations:EnablePolicyType", "organizations:ListPolicies"),
    *("organizations:DetachPolicy", "organizations:EnableAWSServiceAccess", "organizations:UpdatePolicy"),
    *("iam:EnableOrganizationsRootCredentialsManagement", "sso:AttachManagedPolicyToPermissionSet"),
    *("sso:CreatePermissionSet", "sso:ProvisionPermissionSet", "sso:UpdatePermissionSet"),
)
"""A person runs it and reads what it says; it is repeated until it is through."""

DOCTORS = (
    *("iam:ListOrganizationsFeatures", "organizations:ListAWSServiceAccessForOrganization"),
    *("iam:SimulatePrincipalPolicy", "identitystore:ListUsers", "servicequotas:GetServiceQuota", "ses:GetAccount"),
    *("ses:GetEmailIdentity", "sso:GetInlinePolicyForPermissionSet"),
    *("sso:ListCustomerManagedPolicyReferencesInPermissionSet", "sso:ListManagedPoliciesInPermissionSet"),
)
"""Each is one line of its output, whatever AWS says."""

LOOKS = ("iam:GetAccountSummary", "iam:ListRoles", "cloudtrail:DescribeTrails", "s3:ListBuckets")
"""Into an account that nobody has yet; while one of them is not answered, nobody gets it."""

SEARCHES = ("organizations:ListAccountsForParent",)
"""Where there are pools, once by each process. Without the permission the tags of all accounts are read."""
