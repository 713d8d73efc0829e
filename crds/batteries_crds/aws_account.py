"""AwsAccount: one AWS member account, wished for in `spec` and observed in `status`.

Only people and the API write the spec; only the operator writes the status. `accountId` is the identity that
survives backup and restore, and from which the account's e-mail and name in AWS follow.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID, uuid5

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.conditions import Condition
from batteries_crds.names import ANNOTATION_RETRY, MAX_OWNER_LENGTH, EventStatus, Phase, ProvisioningStep
from batteries_crds.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, RULE
from batteries_crds.resource import Column, Definition, Resource
from batteries_crds.schema import NOT_DEFAULTED

_NAMESPACE = UUID("6d0ae8a4-5a5f-5ad8-9f4b-5a7bb0a9f1c1")
"""Ours alone, so that UUIDs derived here meet no one else's. Never change it: account ids follow from it."""

HISTORY_LIMIT = 64
RETRY_LENGTH = 64
"""So much of the retry annotation counts."""

AwsAccountId = Annotated[
    str, Field(pattern="^[0-9]{12}$", max_length=12, description="The twelve-digit AWS account id.")
]
RepositoryName = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        json_schema_extra=rules(rule(f"self.matches(r'{PATTERN}') && !self.matches(r'{RESERVED}')", RULE)),
    ),
]


class DeletionPolicy(StrEnum):
    """What becomes of the AWS account when the AwsAccount is deleted."""

    RETAIN = "Retain"
    CLOSE = "Close"


class CustomerRef(Model):
    """The Customer, in the same namespace, that owns and pays for this."""

    name: Annotated[str, Field(min_length=1, max_length=253, description="The Customer's name.")]


_OWNER_CHANGED = "The owner can't be changed after creation; make a new AwsAccount for another owner."


class AwsAccountSpec(Model):
    """What is wished for. Owned by whoever applied it, and by the API for accounts made over HTTP."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        json_schema_extra=rules(
            rule(
                "has(self.customerRef) || has(self.email)",
                "An account needs an owner: set spec.customerRef.name to a Customer in this namespace, "
                "or spec.email to the owner's e-mail address.",
                reason="FieldValueRequired",
            ),
            rule(
                "!(has(self.customerRef) && has(self.email))",
                "An account has one owner: set spec.customerRef.name or spec.email, not both.",
            ),
            rule(
                "has(self.email) == has(oldSelf.email) && (!has(self.email) || self.email == oldSelf.email)",
                f"spec.email is immutable. {_OWNER_CHANGED}",
                reason="FieldValueForbidden",
            ),
            rule(
                "has(self.customerRef) == has(oldSelf.customerRef) && "
                "(!has(self.customerRef) || self.customerRef.name == oldSelf.customerRef.name)",
                f"spec.customerRef is immutable. {_OWNER_CHANGED}",
                reason="FieldValueForbidden",
            ),
            rule(
                "!has(oldSelf.awsAccountId) || (has(self.awsAccountId) && self.awsAccountId == oldSelf.awsAccountId)",
                "spec.awsAccountId is immutable once set: an AwsAccount stands for one AWS account.",
                reason="FieldValueForbidden",
            ),
        ),
    )

    customer_ref: Annotated[CustomerRef | None, Field(description="The owner, as a Customer. Immutable.")] = None
    email: Annotated[
        str | None,
        Field(
            min_length=3,
            max_length=MAX_OWNER_LENGTH,
            description="The owner's e-mail address, where there is no Customer: signs in by single sign-on and "
            "gets the welcome mail. Immutable.",
            json_schema_extra=rules(
                rule(
                    "self.matches('^[^@ ]+@[^@ ]+[.][^@ ]+$')",
                    "spec.email must be an e-mail address, such as team@example.com.",
                )
            ),
        ),
    ] = None
    display_name: Annotated[
        str | None,
        Field(max_length=100, description="A name for people; part of the AWS account's name when it is made."),
    ] = None
    github_repos: Annotated[
        list[RepositoryName],
        Field(
            max_length=MAX_REPOSITORIES,
            description="The repositories whose GitHub Actions may assume GitHubActionsDeployRole: org/repo, or "
            "org@id/repo@id to pin GitHub's immutable ids. Empty: nobody may.",
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **NOT_DEFAULTED,
                **rules(
                    rule(
                        "self.all(repo, self.exists_one(other, other.lowerAscii() == repo.lowerAscii()))",
                        "A repository is listed twice (names that differ only in case are one repository). "
                        "Name each repository once.",
                    )
                ),
            },
        ),
    ] = []
    suspended: Annotated[
        bool,
        Field(
            description="True closes every door into the account; false opens them again.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
    deletion_policy: Annotated[
        DeletionPolicy,
        Field(
            description="What becomes of the AWS account when this object is deleted: Retain keeps it, Close closes it."
        ),
    ] = DeletionPolicy.RETAIN
    aws_account_id: Annotated[
        AwsAccountId | None, Field(description="Adopt this existing member account instead of making one.")
    ] = None


class Hold(StrEnum):
    """Why the operator suspends an account that its spec does not."""

    PAYMENT_METHOD_MISSING = "PaymentMethodMissing"


class CreateRequest(Model):
    """The intent to make an account, written before AWS is asked, and what AWS answered."""

    email: Annotated[str, Field(max_length=64, description="The account's root e-mail address.")]
    account_name: Annotated[str, Field(max_length=50, description="The account's name in AWS.")]
    recorded_at: Annotated[Timestamp, Field(description="When the intent was written.")]
    request_id: Annotated[
        str | None, Field(max_length=36, description="AWS's id of the request (car-…), once it answered.")
    ] = None


class StepRecord(Model):
    """What the operator remembers of a step beside its condition."""

    inputs: Annotated[
        str | None, Field(max_length=64, description="Fingerprint of the inputs the step was last done for.")
    ] = None
    gave_up_at: Annotated[
        int | None,
        Field(ge=0, description="The generation for which it failed for good; tried again for a later one."),
    ] = None
    gave_up_retry: Annotated[
        str | None,
        Field(
            max_length=RETRY_LENGTH,
            description="The retry annotation's value when it failed for good; tried again for another one.",
        ),
    ] = None
    troubled_since: Annotated[
        Timestamp | None, Field(description="Since when it meets errors that it should not; absent while it goes well.")
    ] = None


class HistoryEvent(Model):
    """One provisioning event."""

    timestamp: Annotated[Timestamp, Field(description="When.")]
    step: Annotated[str, Field(max_length=64, description="Which step.")]
    status: Annotated[EventStatus, Field(description="What became of it.")]
    detail: Annotated[str | None, Field(max_length=1024, description="More, as a sentence.")] = None
    error: Annotated[str | None, Field(max_length=1024, description="What went wrong, as a sentence.")] = None


class AwsAccountStatus(Model):
    """What is so. Written by the operator alone."""

    observed_generation: Annotated[int, Field(ge=0, description="The generation the rest speaks of.")] = 0
    account_id: Annotated[str | None, Field(max_length=36, description="Our id of the account, a UUID.")] = None
    aws_account_id: Annotated[AwsAccountId | None, Field()] = None
    owner: Annotated[str | None, Field(max_length=254, description="The owner's e-mail address.")] = None
    phase: Annotated[Phase, Field(description="Summary of the conditions.")] = Phase.PENDING
    provisioning_step: Annotated[
        ProvisioningStep, Field(description="The step that is owed next, or complete, or failed.")
    ] = ProvisioningStep.CREATE_ACCOUNT
    create_request: Annotated[CreateRequest | None, Field(description="The account's making.")] = None
    iam_user_name: Annotated[str | None, Field(max_length=64, description="The IAM user.")] = None
    sign_in_url: Annotated[str | None, Field(max_length=256, description="Where the IAM user signs in.")] = None
    credentials_secret_name: Annotated[
        str | None, Field(max_length=253, description="The Secret with the IAM user's first password.")
    ] = None
    sso_user_name: Annotated[str | None, Field(max_length=254, description="The Identity Center user.")] = None
    sso_user_id: Annotated[str | None, Field(max_length=64, description="The Identity Center user's id.")] = None
    sso_assignment_request_id: Annotated[
        str | None, Field(max_length=64, description="The account assignment that is being made.")
    ] = None
    sso_revocation_request_id: Annotated[
        str | None, Field(max_length=64, description="The account assignment that is being removed.")
    ] = None
    closure_requested_at: Annotated[
        Timestamp | None, Field(description="When AWS took the request to close the account.")
    ] = None
    sso_portal_url: Annotated[str | None, Field(max_length=256, description="Where single sign-on starts.")] = None
    oidc_role_arn: Annotated[str | None, Field(max_length=256, description="The role that GitHub Actions assume.")] = (
        None
    )
    github_repos: Annotated[
        list[Annotated[str, Field(max_length=MAX_LENGTH)]] | None,
        Field(max_length=MAX_REPOSITORIES, description="The repositories that AWS admits now."),
    ] = None
    welcome_message_id: Annotated[str | None, Field(max_length=128, description="The welcome mail's id in SES.")] = None
    hold: Annotated[
        Hold | None,
        Field(description="Why the account is suspended though its spec does not say so; absent where it isn't."),
    ] = None
    error: Annotated[
        str | None,
        Field(max_length=1024, description="What keeps the account from being ready, as a sentence."),
    ] = None
    steps: Annotated[
        dict[str, StepRecord], Field(max_length=32, description="What the operator remembers of each step.")
    ] = {}
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=32,
            description="One per step, and the summaries Ready, Provisioned, Suspended, Reconciling and Stalled.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
    history: Annotated[
        list[HistoryEvent],
        Field(
            max_length=HISTORY_LIMIT,
            description=f"The last {HISTORY_LIMIT} provisioning events, oldest first.",
        ),
    ] = []


class AwsAccount(Resource):
    """An AWS member account with an IAM user, single sign-on and a role for GitHub Actions."""

    definition: ClassVar[Definition] = Definition(
        kind="AwsAccount",
        plural="awsaccounts",
        short_names=("awsacct", "aa"),
        columns=(
            Column("Status", ".status.phase", description="pending, creating, active, failed or suspended"),
            Column("Step", ".status.provisioningStep", description="The step that is owed next"),
            Column("AWS account", ".status.awsAccountId", description="The AWS account id"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Owner", ".status.owner", description="The owner's e-mail address", wide=True),
            Column("Role ARN", ".status.oidcRoleArn", description="What GitHub Actions assume", wide=True),
        ),
        selectable=(
            ".spec.customerRef.name",
            ".status.accountId",
            ".status.awsAccountId",
            ".status.phase",
        ),
    )

    spec: Annotated[AwsAccountSpec, Field(description="What is wished for.")]
    status: Annotated[AwsAccountStatus, Field(description="What is so.")] = AwsAccountStatus()

    @property
    def account_id(self) -> UUID:
        """Our id of it."""
        return uuid_of(self)

    def owner_in(self, namespace: str) -> str | None:
        """The name of the Customer that owns it, where that Customer is in `namespace`."""
        owner = self.spec.customer_ref
        return owner.name if owner is not None and self.metadata.namespace == namespace else None

    @property
    def since(self) -> datetime:
        """When it was made: its place in line goes by this, also after a restart."""
        return self.metadata.creation_timestamp or datetime.min.replace(tzinfo=UTC)

    @property
    def is_deleted(self) -> bool:
        """Whether the object is being deleted."""
        return self.metadata.deletion_timestamp is not None

    @property
    def is_suspended(self) -> bool:
        """Whether it is to be closed: its spec says so, or the operator holds it."""
        return self.spec.suspended or self.status.hold is not None

    @property
    def is_wanted(self) -> bool:
        """Whether its AWS account should be made and open: neither suspended nor being deleted."""
        return not self.is_suspended and not self.is_deleted

    @property
    def retry(self) -> str | None:
        """What its retry annotation says: another value than before asks for one more try."""
        value = self.metadata.annotations.get(ANNOTATION_RETRY)
        return None if value is None else value[:RETRY_LENGTH]


def derived_uuid(text: str) -> UUID:
    """The UUIDv5 of `text` in our namespace: the same for ever, so a name derived from it is a lock."""
    return uuid5(_NAMESPACE, text)


def uuid_of(resource: Resource) -> UUID:
    """Its id: the object's name where that is a UUID (the API names them so), else derived from its key."""
    return uuid_at(resource.metadata.namespace, resource.metadata.name)


def uuid_at(namespace: str, name: str) -> UUID:
    """The id of the object of that name."""
    try:
        named = UUID(name)
    except ValueError:
        return derived_uuid(f"{namespace}/{name}")
    return named if str(named) == name else derived_uuid(f"{namespace}/{name}")
