"""Describes drift that a resync corrected, derived from the AWS operations that corrected it."""

from collections.abc import Sequence

_FOUND = {
    "organizations:MoveAccount": "the account was in another OU",
    "iam:CreateOpenIDConnectProvider": "GitHub's OIDC provider was gone",
    "iam:AddClientIDToOpenIDConnectProvider": "GitHub's OIDC provider did not know our audience",
    "iam:CreateRole": "the deploy role was gone",
    "iam:AttachRolePolicy": "the deploy role had lost its policy",
    "iam:UpdateAssumeRolePolicy": "the deploy role's trust policy was changed",
    "identitystore:CreateUser": "the owner's user in Identity Center was gone",
    "sso:CreateAccountAssignment": "the owner's assignment was gone",
    "sso:DeleteAccountAssignment": "the owner had access again",
}


def drift_message(step: str, acts: Sequence[str]) -> str:
    """The Event's message: `step` ran again and called `acts` (`service:Operation`), which should not have been needed.

    Acts that follow from others, such as attaching a policy to a role that was just made, are listed too.
    """
    found = " and ".join(dict.fromkeys(_FOUND.get(act, f"{act} was needed") for act in acts))
    return f"Something was changed in AWS: {found}. {step} has corrected it by {', '.join(dict.fromkeys(acts))}."
