"""Tells from AWS's message which policy denied a call, and so who has to change what.

AWS uses one of two forms (IAM user guide, "Troubleshoot access denied error messages"): "… with an explicit deny in a
service control policy", or "… because no identity-based policy allows the … action". Granting a permission helps only
with the second.
"""

import re

CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccessDeniedForDependencyException",
        "UnauthorizedException",
        "UnauthorizedOperation",
        "UnauthorizedAccessException",
        "NotAuthorizedException",
    }
)
"""Each service has its own code for it."""

_EXPLICIT = re.compile(r"explicit deny in (?:an?|the) ([a-z][a-z -]*?(?:policy|boundary))", re.IGNORECASE)
_IMPLICIT = re.compile(r"because no ([a-z][a-z -]*?(?:policy|boundary)) allows", re.IGNORECASE)

_WHERE = {
    "service control policy": "in AWS Organizations, on the account, its OU or the root",
    "resource control policy": "in AWS Organizations, on the account, its OU or the root",
    "identity-based policy": "of the operator's role",
    "permissions boundary": "of the operator's role",
    "session policy": "that the operator's session was begun with",
    "resource-based policy": "of the resource itself",
    "vpc endpoint policy": "of the VPC endpoint that the operator calls AWS through",
}


def words(operation: str, message: str) -> str:
    """A sentence of our own: which policy denies `operation`, from AWS's `message`, and what has to be changed."""
    begin, team = f"The operator may not call {operation}", "the platform team has to"
    if (found := _EXPLICIT.search(message)) is not None:
        policy, where = _named(found)
        return (
            f"{begin}: a {policy} {where} denies it explicitly. No grant of permission overrides that: {team} change "
            f"that {policy}."
        )
    if "enable trusted access" in message.lower():
        return (
            f"{begin}: its service has no trusted access to the organization. For this, {team} run `batteries-operator "
            "bootstrap`."
        )
    if "explicit deny" in message.lower():
        return f"{begin}: a policy denies it explicitly. No grant of permission overrides that: {team} change it."
    if (found := _IMPLICIT.search(message)) is not None and "identity" not in found[1].lower():
        policy, where = _named(found)
        return f"{begin}: no {policy} {where} allows it. For this, {team} extend that {policy}."
    return f"{begin}: no policy allows it. For this, {team} grant it that permission."


def _named(found: re.Match[str]) -> tuple[str, str]:
    """The kind of policy, and where it is; for a kind that AWS adds later the words are ours."""
    name = found[1].lower()
    where = _WHERE.get(name)
    if where is None:
        return "policy", "of AWS"
    return name.replace("vpc", "VPC"), where
