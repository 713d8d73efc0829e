"""What is so with an AwsAccount: the facts, conditions and history that the operator alone writes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.conditions import Condition
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES
from batteries_crds.names import EventStatus, Phase, ProvisioningStep

HISTORY_LIMIT = 64
RETRY_LENGTH = 64
"""So much of the retry annotation counts."""

AwsAccountId = Annotated[
    str, Field(pattern="^[0-9]{12}$", max_length=12, description="The AWS account's id, twelve digits.")
]


class Hold(StrEnum):
    """Why the operator suspends an account that its spec does not; the gravest first."""

    CUSTOMER_BLOCKED = "CustomerBlocked"
    PAYMENT_METHOD_MISSING = "PaymentMethodMissing"


class HoldRecord(Model):
    """One reason for which the account is held."""

    since: Annotated[Timestamp, Field(description="Since when.")]


class CreateRequest(Model):
    """The request to AWS to make the account, written down before it is sent so that it is never sent twice."""

    email: Annotated[str, Field(max_length=64, description="The AWS account's root e-mail address.")]
    account_name: Annotated[str, Field(max_length=50, description="The AWS account's name.")]
    recorded_at: Annotated[Timestamp, Field(description="When the request was written down.")]
    request_id: Annotated[
        str | None, Field(max_length=36, description="AWS's id of the request (car-…), once AWS has answered.")
    ] = None
    found: Annotated[
        bool | None,
        Field(
            description="Whether the request was found by its account's name, and not in AWS's answer to our own: then "
            "the account's tag is read before it is taken for this one's."
        ),
    ] = None


class StepRecord(Model):
    """What the operator remembers of a step beside its condition."""

    inputs: Annotated[
        str | None,
        Field(
            max_length=64,
            description="Fingerprint of the part of the spec that the step was last done for; the step is done again "
            "when that part changes.",
        ),
    ] = None
    gave_up_at: Annotated[
        int | None,
        Field(ge=0, description="The metadata.generation for which it failed for good; tried again for a later one."),
    ] = None
    gave_up_retry: Annotated[
        str | None,
        Field(
            max_length=RETRY_LENGTH,
            description="The value of the annotation aibatteriesincluded.com/retry when it failed for good; tried "
            "again for another value.",
        ),
    ] = None
    troubled_since: Annotated[
        Timestamp | None,
        Field(description="Since when the step meets trouble; absent while it goes well."),
    ] = None
    error: Annotated[
        str | None, Field(max_length=1024, description="What troubles it, as a sentence; absent while it goes well.")
    ] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said of it, for administrators; the HTTP API shows it to "
            "nobody else.",
        ),
    ] = None
    waived: Annotated[
        bool | None,
        Field(description="Whether the account is ready without it for now; its condition says what it waits for."),
    ] = None
    told: Annotated[
        str | None,
        Field(
            max_length=128,
            description="The reason of the trouble that an Event has told of, so that it is told once; absent after "
            "the step's success.",
        ),
    ] = None


class HistoryEvent(Model):
    """A step that began, succeeded or failed for good."""

    timestamp: Annotated[
        Timestamp, Field(description="When it happened: later than all before it, by a microsecond at least.")
    ]
    step: Annotated[str, Field(max_length=64, description="The step's name, such as setup_oidc.")]
    status: Annotated[EventStatus, Field(description="Whether the step began, succeeded or failed for good.")]
    detail: Annotated[
        str | None, Field(max_length=1024, description="What was achieved, as a sentence; of a failure the reason.")
    ] = None
    error: Annotated[str | None, Field(max_length=1024, description="What went wrong, as a sentence.")] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said of it, for administrators.",
        ),
    ] = None


class AwsAccountStatus(Model):
    """The account as it is. Only the operator writes it; to change something, change the spec."""

    observed_generation: Annotated[
        int,
        Field(
            ge=0,
            description="The metadata.generation that the rest of the status speaks of; while it is smaller, the "
            "operator has not seen the newest spec.",
        ),
    ] = 0
    account_id: Annotated[
        str | None,
        Field(
            max_length=36,
            description="This system's id of the account, a UUID: the id in the HTTP API, and the tag on everything "
            "in AWS.",
        ),
    ] = None
    aws_account_id: Annotated[AwsAccountId | None, Field()] = None
    access_role_name: Annotated[
        str | None,
        Field(
            max_length=64,
            description="The role by which the operator enters the AWS account, as it was made with; absent in "
            "accounts of releases that had one name for all.",
        ),
    ] = None
    owner: Annotated[
        str | None, Field(max_length=254, description="The owner's e-mail address, from the spec or the Customer.")
    ] = None
    phase: Annotated[
        Phase,
        Field(
            description="How the account is in one word, as the HTTP API's status: pending (AWS was not asked yet), "
            "creating, active, failed (somebody must change something; see error) or suspended."
        ),
    ] = Phase.PENDING
    provisioning_step: Annotated[
        ProvisioningStep,
        Field(description="The step that is to be done next, or complete where none is, or failed."),
    ] = ProvisioningStep.CREATE_ACCOUNT
    create_request: CreateRequest | None = None
    iam_user_name: Annotated[
        str | None, Field(max_length=64, description="The name to sign in to the AWS console with, as an IAM user.")
    ] = None
    sign_in_url: Annotated[
        str | None, Field(max_length=256, description="Where the IAM user signs in to the AWS console.")
    ] = None
    credentials_secret_name: Annotated[
        str | None,
        Field(
            max_length=253,
            description="The Secret in this namespace with the IAM user's first password, until its owner has taken "
            "it; to be changed at the first sign-in.",
        ),
    ] = None
    sso_user_name: Annotated[
        str | None, Field(max_length=254, description="The name to sign in by single sign-on with.")
    ] = None
    sso_user_id: Annotated[str | None, Field(max_length=64, description="That user's id in Identity Center.")] = None
    confirmed_email: Annotated[
        str | None,
        Field(
            max_length=254,
            description="The e-mail address that the Customer confirmed after single sign-on had waited for it.",
        ),
    ] = None
    sso_assignment_request_id: Annotated[
        str | None,
        Field(max_length=64, description="AWS's id of the request to give the owner access, while it goes on."),
    ] = None
    sso_revocation_request_id: Annotated[
        str | None,
        Field(max_length=64, description="AWS's id of the request to take the owner's access, while it goes on."),
    ] = None
    closure_requested_at: Annotated[
        Timestamp | None, Field(description="When AWS took the request to close the account.")
    ] = None
    sso_portal_url: Annotated[str | None, Field(max_length=256, description="Where to sign in by single sign-on.")] = (
        None
    )
    oidc_role_arn: Annotated[
        str | None,
        Field(
            max_length=256,
            description="The role that GitHub Actions assume: role-to-assume of aws-actions/configure-aws-credentials.",
        ),
    ] = None
    github_repos: Annotated[
        list[Annotated[str, Field(max_length=MAX_LENGTH)]] | None,
        Field(
            max_length=MAX_REPOSITORIES,
            description="The repositories whose workflows AWS admits now; spec.githubRepos, once that is applied.",
        ),
    ] = None
    welcome_message_id: Annotated[
        str | None, Field(max_length=128, description="The welcome mail's id in Amazon SES.")
    ] = None
    holds: Annotated[
        dict[str, HoldRecord],
        Field(
            max_length=8,
            description="Why the operator suspends the account though its spec does not say so, by reason; the account "
            "opens when none is left and spec.suspended is not true. PaymentMethodMissing: the Customer could not pay "
            "for longer than the grace period. CustomerBlocked: the Customer's spec.blocked is true.",
        ),
    ] = {}
    hold: Annotated[
        Hold | None,
        Field(description="What holds holds today, as releases before wrote it: it counts, and is moved into holds."),
    ] = None
    error: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What keeps the account from being ready and who can mend it, as a sentence; absent where "
            "all goes well.",
        ),
    ] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said of error, with ids and ARNs, for administrators; the "
            "HTTP API shows it to nobody else.",
        ),
    ] = None
    steps: Annotated[
        dict[str, StepRecord],
        Field(
            max_length=32, description="The operator's own notes on each step, by its name; the conditions say more."
        ),
    ] = {}
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=32,
            description="What was observed: one condition for each step, and the summaries Ready, Provisioned, "
            "Suspended, Reconciling and Stalled. `kubectl wait --for=condition=Ready` is right for scripts.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
    history: Annotated[
        list[HistoryEvent],
        Field(
            max_length=HISTORY_LIMIT,
            description=f"The last {HISTORY_LIMIT} times that a step began, succeeded or failed, oldest first.",
        ),
    ] = []
