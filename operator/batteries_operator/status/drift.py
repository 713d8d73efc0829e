"""Describes drift: what a resync found changed in AWS, told by the operations that put it right."""

from collections.abc import Sequence

_FOUND = {
    "organizations:MoveAccount": "the account was in another OU",
    "iam:CreateOpenIDConnectProvider": "GitHub's OIDC provider was gone",
    "iam:AddClientIDToOpenIDConnectProvider": "GitHub's OIDC provider did not know our audience",
    "iam:CreateRole": "the deploy role was gone",
    "iam:AttachRolePolicy": "the deploy role had lost its policy",
    "iam:UpdateAssumeRolePolicy": "the deploy role's trust policy was another",
    "identitystore:CreateUser": "the owner's user in Identity Center was gone",
    "sso:CreateAccountAssignment": "the owner's assignment was gone",
    "sso:DeleteAccountAssignment": "the owner was assigned",
}


def drift_message(step: str, acts: Sequence[str]) -> str:
    """One sentence for an Event: `step` ran again and did `acts` (`service:Operation`), which should not have been due.

    An act that follows from another one in the list, such as attaching to a role just made, is told all the same.
    """
    found = " and ".join(dict.fromkeys(_FOUND.get(act, f"{act} was due") for act in acts))
    return f"AWS was found changed: {found}. {step} has put it right, by {', '.join(dict.fromkeys(acts))}."
