"""One rule of the floor: a statement of a service control policy, with what it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement that denies something, and a sentence for people about it."""

    says: str
    statement: Mapping[str, Any]

    @property
    def sid(self) -> str:
        """The statement's name, unique among all rules."""
        return str(self.statement["Sid"])


def denial(
    sid: str,
    says: str,
    actions: Sequence[str],
    resources: Sequence[str] = ("*",),
    condition: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    but: Sequence[str] = (),
) -> Rule:
    """A rule that denies the actions on the resources; `but` are patterns of roles that it does not bind."""
    statement = {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": list(resources)}
    return Rule(says, statement | _conditions(condition or {}, but))


def denial_of_others(
    sid: str, says: str, kept: Sequence[str], condition: Mapping[str, Mapping[str, Any]], *, but: Sequence[str] = ()
) -> Rule:
    """A rule that denies every action but the kept ones."""
    statement = {"Sid": sid, "Effect": "Deny", "NotAction": list(kept), "Resource": "*"}
    return Rule(says, statement | _conditions(condition, but))


def _conditions(condition: Mapping[str, Mapping[str, Any]], but: Sequence[str]) -> dict[str, Any]:
    found = {operator: dict(keys) for operator, keys in condition.items()}
    if but:
        found["ArnNotLike"] = found.get("ArnNotLike", {}) | {"aws:PrincipalARN": list(but)}
    return {"Condition": found} if found else {}
