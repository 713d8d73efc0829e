"""Puts rules into policies, as few and as full as AWS takes them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from batteries_operator.aws.floor.rule import Rule
from batteries_operator.aws.organizations import NotPreparedError


class DoesNotFitError(NotPreparedError):
    """The settings give more policy than AWS takes; the text says what to change."""


def document(rules: Iterable[Rule]) -> dict[str, Any]:
    """The policy with these rules."""
    return {"Version": "2012-10-17", "Statement": [dict(rule.statement) for rule in rules]}


def text(content: Any) -> str:
    """A policy as it is sent to AWS, which counts white space, too (Organizations user guide, "Quotas")."""
    return json.dumps(content, separators=(",", ":"))


def packed(rules: Sequence[Rule], *, size: int, room: int, where: str) -> list[list[Rule]]:
    """The rules in their order, in policies of at most `size` characters each.

    Raises:
        DoesNotFitError: a rule alone is too long, or more than `room` policies are needed on the OU `where`.
    """
    found: list[list[Rule]] = []
    for rule in rules:
        if (alone := len(text(document([rule])))) > size:
            raise DoesNotFitError(
                f"The rule {rule.sid} for the OU {where} has {alone} characters, and a policy may have {size} "
                f"(BATTERIES_POLICY_SIZE). {_SHORTEN}"
            )
        if found and len(text(document([*found[-1], rule]))) <= size:
            found[-1].append(rule)
        else:
            found.append([rule])
    if len(found) > room:
        raise DoesNotFitError(
            f"The settings need {len(found)} policies on the OU {where}, beside FullAWSAccess and those that every "
            f"account needs, and AWS lets {room} more be attached (BATTERIES_POLICIES_PER_TARGET). {_SHORTEN}"
        )
    return found


_SHORTEN = (
    "Shorten BATTERIES_ALLOWED_REGIONS, BATTERIES_ALLOWED_INSTANCE_TYPES, BATTERIES_DENIED_INSTANCE_TYPES or "
    "BATTERIES_BEDROCK, or what BATTERIES_POLICY_PROFILES has in their place; or raise BATTERIES_POLICY_SIZE, if AWS "
    "allows you more."
)
