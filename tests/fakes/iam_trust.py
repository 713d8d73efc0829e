"""A second evaluator of trust policies, apart from the stand-in's: small, and strict where that one is lenient.

It knows the elements that our trust policies have and raises on every other one, so that a policy with something
unforeseen is no policy that "admits nobody". Its wildcards are matched character by character, without a regular
expression (IAM user guide, "IAM JSON policy elements: Condition operators": `*` is any number of characters, `?` one).
"""

from typing import Any


class UnknownElementError(Exception):
    """The policy has something that our trust policies don't have."""


def like(pattern: str, text: str) -> bool:
    """IAM's StringLike."""
    reached = {0}  # how many characters of the text the pattern may have eaten so far
    for symbol in pattern:
        if symbol == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(text) and symbol in ("?", text[at])}
    return len(text) in reached


def admits(policy: dict[str, Any], provider: str, claims: dict[str, str]) -> bool:
    """Whether a token of that provider with those claims assumes the role.

    Raises:
        UnknownElementError: that can't be told.
    """
    if set(policy) != {"Version", "Statement"} or policy["Version"] != "2012-10-17":
        raise UnknownElementError(policy)
    verdicts = {each["Effect"] for each in policy["Statement"] if _applies(each, provider, claims)}
    if not verdicts <= {"Allow", "Deny"}:
        raise UnknownElementError(verdicts)
    return verdicts == {"Allow"}


def _applies(statement: dict[str, Any], provider: str, claims: dict[str, str]) -> bool:
    if not set(statement) <= {"Sid", "Effect", "Principal", "Action", "Condition"}:
        raise UnknownElementError(statement)
    if statement["Effect"] == "Deny" and statement["Principal"] == {"AWS": "*"}:
        return False  # of the policy that admits nobody: there is no Allow beside it
    if statement["Action"] != "sts:AssumeRoleWithWebIdentity":
        raise UnknownElementError(statement["Action"])
    if statement["Principal"] != {"Federated": provider}:
        return False
    return all(
        _holds(operator, claims[key.rpartition(":")[2]], wanted if isinstance(wanted, list) else [wanted])
        for operator, keys in statement["Condition"].items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, claim: str, wanted: list[str]) -> bool:
    if any("${" in each for each in wanted):
        raise UnknownElementError(wanted)  # a policy variable
    match operator:
        case "StringEquals":
            return claim in wanted
        case "StringLike" | "StringLikeIfExists":  # every claim that is asked for is there
            return any(like(pattern, claim) for pattern in wanted)
        case "StringNotLike":
            return not any(like(pattern, claim) for pattern in wanted)
        case _:
            raise UnknownElementError(operator)
