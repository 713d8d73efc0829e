"""AccountPool: how many AWS accounts are kept ready before anybody asks, and how carefully they are made."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.base import Model, Timestamp
from batteries_crds.conditions import Condition
from batteries_crds.names import ANNOTATION_RETRY, RETRY_LENGTH
from batteries_crds.resource import Column, Definition, Resource

MOST_MEMBERS = 2000
MOST_A_DAY = 500
MOST_UNDERWAY = 100
FAILURE_LENGTH = 512


class PoolCondition(StrEnum):
    """The types of an AccountPool's conditions. Stalled follows kstatus: it is present only while true.

    There is no Reconciling: a pool may take days to fill, and `helm upgrade --wait` must not wait for that.
    """

    FILLED = "Filled"
    STALLED = "Stalled"


class PoolReason(StrEnum):
    """Why a pool is filled or not, as one word for programs; docs/pool.md explains each."""

    FILLED = "Filled"
    PREPARING = "Preparing"
    MEMBERS_NOT_READY = "MembersNotReady"
    CUSTOMERS_FIRST = "CustomersFirst"
    DAILY_LIMIT_REACHED = "DailyLimitReached"
    PAUSED_AFTER_FAILURE = "PausedAfterFailure"
    QUOTA_REACHED = "QuotaReached"
    QUOTA_UNKNOWN = "QuotaUnknown"
    TOO_MANY_FAILURES = "TooManyFailures"


_FILLED = f'.status.conditions[?(@.type=="{PoolCondition.FILLED}")]'


class AccountPoolSpec(Model):
    """How many accounts are kept ready, and the limits within which the operator makes them."""

    size: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_MEMBERS,
            description="How many AWS accounts are kept ready, those that are being made included. Each counts towards "
            "the organization's quota of accounts, and costs nothing else. 0 makes none and closes none: those that "
            "are there are still handed out.",
        ),
    ]
    max_in_progress: Annotated[
        int,
        Field(
            ge=1,
            le=5,
            description="How many are made at one time. Customers who wait for an account come first.",
        ),
    ] = 2
    max_creations_per_day: Annotated[
        int, Field(ge=1, le=MOST_A_DAY, description="How many are made in 24 hours, whatever became of them.")
    ] = 10
    max_broken: Annotated[
        int,
        Field(
            ge=1,
            le=50,
            description="After so many in a row that broke, or were deleted before they were ready, no more are made: "
            f"the pool is Stalled until the annotation {ANNOTATION_RETRY} gets a new value.",
        ),
    ] = 3
    quota_reserve: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_MEMBERS,
            description="How many accounts of the organization's quota are left for customers: the pool is not filled "
            "further once so few are left.",
        ),
    ] = 2
    deletion_policy: Annotated[
        DeletionPolicy,
        Field(
            description="What happens to the AWS account of a member that is deleted before anybody has it; members "
            "get it when they are made. Retain keeps it. Close has AWS close it, which can be undone for 90 days only."
        ),
    ] = DeletionPolicy.RETAIN


class Underway(Model):
    """A member that the pool has begun to make, and that has not been ready yet."""

    name: Annotated[str, Field(max_length=253, description="metadata.name of the PooledAccount.")]
    at: Annotated[Timestamp, Field(description="When it was begun.")]
    uid: Annotated[
        str | None, Field(max_length=64, description="metadata.uid of the PooledAccount; absent until it was seen.")
    ] = None
    broke: Annotated[bool, Field(description="Whether it broke, and was counted as a failure.")] = False


class AccountPoolStatus(Model):
    """The pool as it is. Only the operator writes it."""

    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation that the rest of the status is about.")
    ] = 0
    members: Annotated[
        int, Field(ge=0, description="All that count towards the size: every member that nobody has, in any state.")
    ] = 0
    ready: Annotated[int, Field(ge=0, description="Members that can be handed out now.")] = 0
    preparing: Annotated[int, Field(ge=0, description="Members that are being made.")] = 0
    stale: Annotated[
        int, Field(ge=0, description="Members that were ready and are being brought up to date, after a new release.")
    ] = 0
    broken: Annotated[
        int, Field(ge=0, description="Members that can't be handed out until somebody has looked; they say why.")
    ] = 0
    claimed_today: Annotated[int, Field(ge=0, description="How many were handed out in the last 24 hours.")] = 0
    next_refill_at: Annotated[
        Timestamp | None,
        Field(description="Until when no more are made, after a failure or because of spec.maxCreationsPerDay."),
    ] = None
    creations: Annotated[
        list[Timestamp],
        Field(
            max_length=MOST_A_DAY,
            description="When members were made in the last 24 hours. Each time is written before its member is made.",
        ),
    ] = []
    underway: Annotated[
        list[Underway],
        Field(
            max_length=MOST_UNDERWAY,
            description="Members that were begun and have not been ready yet. Each is named here before it is made.",
        ),
    ] = []
    failures: Annotated[
        int,
        Field(
            ge=0,
            description="How many members in a row broke, or were deleted before they were ready, since the last one "
            "that became ready.",
        ),
    ] = 0
    failed_at: Annotated[
        Timestamp | None,
        Field(
            description="When a member last broke, or was deleted while it was not ready: the next one is made an hour "
            "after that."
        ),
    ] = None
    last_failure: Annotated[
        str | None, Field(max_length=FAILURE_LENGTH, description="What the last failure was, as a sentence.")
    ] = None
    retried: Annotated[
        str | None,
        Field(max_length=RETRY_LENGTH, description=f"The value of the annotation {ANNOTATION_RETRY} that was heeded."),
    ] = None
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=8,
            description="Filled: as many members as spec.size are ready. Stalled: no more are made until somebody has "
            "looked; the message says at what.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []


class AccountPool(Resource):
    """AWS accounts that are made before anybody asks, so that an AwsAccount of this namespace has one in seconds
    instead of minutes. Each is a PooledAccount: `kubectl get pooled`.
    """

    definition: ClassVar[Definition] = Definition(
        kind="AccountPool",
        plural="accountpools",
        short_names=("apool",),
        columns=(
            Column("Size", ".spec.size", "integer", "How many are wanted"),
            Column("Ready", ".status.ready", "integer", "How many can be handed out"),
            Column("Preparing", ".status.preparing", "integer", "How many are being made"),
            Column("Filled", f"{_FILLED}.status", description="Whether as many as wanted are ready"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Stale", ".status.stale", "integer", "How many are brought up to date", wide=True),
            Column("Broken", ".status.broken", "integer", "How many somebody has to look at", wide=True),
            Column("Claimed today", ".status.claimedToday", "integer", "Handed out in 24 hours", wide=True),
            Column("Next refill", ".status.nextRefillAt", "string", "When the next may be made", wide=True),
            Column("Message", f"{_FILLED}.message", description="Why it is not filled", wide=True),
        ),
    )

    spec: AccountPoolSpec
    status: AccountPoolStatus = AccountPoolStatus()
