"""Condition types and the condition list, after `metav1.Condition`.

The types are `ConditionType` in `names`; the operator's PROVISIONING tuple says which step sets which.
`Stalled` and `Reconciling` follow kstatus: they are present only while true.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.names import ConditionType
from batteries_crds.reasons import Reason

READY = ConditionType.READY
RECONCILING = ConditionType.RECONCILING
STALLED = ConditionType.STALLED
PROVISIONED = ConditionType.PROVISIONED
PINNED = ConditionType.PINNED
SUSPENDED = ConditionType.SUSPENDED

ACCOUNT_GONE = Reason.ACCOUNT_GONE
"""A reason: the AWS account is closed, or not a member of the organization any more."""
SUSPENDED_BY_AWS = Reason.SUSPENDED_BY_AWS
"""A reason: AWS itself has suspended the AWS account."""

SUMMARIES: dict[ConditionType, str] = {
    READY: "Every required step is done for the current spec.",
    PROVISIONED: "Every required step was done once. The account is usable, also while a change is applied.",
    PINNED: "Every repository that AWS admits goes by GitHub's immutable ids. False names those that go by name alone: "
    "who takes such a name over, after a rename or a deletion, gets in. Absent while none is admitted; Ready does not "
    "depend on it.",
    SUSPENDED: "The account is suspended, as seen in AWS: nobody can sign in, and everything is denied to "
    "its users and roles. Running machines keep running and keep costing money. True until all "
    "access is given again, then absent.",
    RECONCILING: "Steps are pending and being worked on (kstatus); otherwise absent.",
    STALLED: "A step failed for good, or has had a problem for longer than its stall timeout (kstatus); "
    "otherwise absent.",
}


class ConditionStatus(StrEnum):
    """The three values that Kubernetes knows."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One observation, with the reason for machines and the message for people."""

    type: Annotated[str, Field(max_length=64, description="What is observed, such as Ready or OIDCConfigured.")]
    status: Annotated[ConditionStatus, Field(description="True, False, or Unknown until it was observed.")]
    reason: Annotated[
        str,
        Field(
            max_length=128,
            pattern="^[A-Za-z][A-Za-z0-9]*$",
            description="Why, as one word for programs; docs/runbook.md explains each.",
        ),
    ]
    message: Annotated[str, Field(max_length=2048, description="Why, as a sentence for people.")] = ""
    last_transition_time: Annotated[Timestamp, Field(description="When the status last changed.")]
    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation that this was observed for.")
    ] = 0


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type, or None."""
    for condition in conditions:  # called so often that a generator's cost shows
        if condition.type == kind:
            return condition
    return None


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether the condition of that type exists and is True."""
    found = find(conditions, kind)
    return found is not None and found.status == ConditionStatus.TRUE


def upsert(
    conditions: Iterable[Condition],
    kind: str,
    status: ConditionStatus,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """The list with that condition replaced; the transition time changes only when the status does."""
    before = list(conditions)
    old = find(before, kind)
    moved = old is None or old.status != status
    new = Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message[:2048],
        last_transition_time=now if moved or old is None else old.last_transition_time,
        observed_generation=generation,
    )
    if old is None:
        return [*before, new]
    return [new if condition.type == kind else condition for condition in before]


def without(conditions: Iterable[Condition], kind: str) -> list[Condition]:
    """The list without the condition of that type."""
    return [condition for condition in conditions if condition.type != kind]
