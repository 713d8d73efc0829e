"""Describes drift that a resync corrected, derived from the AWS operations that corrected it."""

from collections.abc import Sequence

from batteries_crds import agent_access
from batteries_crds.github.trust_policy import PROVIDER_HOST, READ_ONLY_ROLE_NAME
from batteries_operator.aws.mutations import Mutation

_FOUND = {
    "organizations:MoveAccount": "the account was in another OU",
    "iam:CreateOpenIDConnectProvider": "{provider} was gone",
    "iam:AddClientIDToOpenIDConnectProvider": "{provider} did not know our audience",
    "iam:CreateRole": "{role} was gone",
    "iam:AttachRolePolicy": "{role} had lost its policy",
    "iam:UpdateAssumeRolePolicy": "{role}'s trust policy was changed",
    "iam:UpdateRole": "{role}'s longest session was changed",
    "iam:PutRolePermissionsBoundary": "{role} had lost its permissions boundary",
    "identitystore:CreateUser": "the owner's user in Identity Center was gone",
    "sso:CreateAccountAssignment": "the owner's assignment was gone",
    "sso:DeleteAccountAssignment": "the owner had access again",
}

_ROLES = {agent_access.ROLE_NAME: "the agents' role", READ_ONLY_ROLE_NAME: "the read-only role"}


def drift_message(step: str, acts: Sequence[Mutation]) -> str:
    """The Event's message: `step` ran again and changed this, which should not have been needed.

    Acts that follow from others, such as attaching a policy to a role that was just made, are listed too.
    """
    found = " and ".join(dict.fromkeys(map(_found, acts)))
    operations = ", ".join(dict.fromkeys(act.operation for act in acts))
    return f"Something was changed in AWS: {found}. {step} has corrected it by {operations}."


def _found(act: Mutation) -> str:
    role = _ROLES.get(act.subject, "the deploy role")
    provider = "GitHub's OIDC provider" if act.subject.endswith(PROVIDER_HOST) else "our OIDC provider"
    return _FOUND.get(act.operation, f"{act.operation} was needed").format(role=role, provider=provider)
