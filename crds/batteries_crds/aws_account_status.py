"""The status of an AwsAccount: the facts, conditions and history that only the operator writes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.conditions import Condition
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES
from batteries_crds.names import Phase, ProvisioningStep
from batteries_crds.step_records import HISTORY_LIMIT, HistoryEvent, StepRecord

AwsAccountId = Annotated[
    str, Field(pattern="^[0-9]{12}$", max_length=12, description="The AWS account's id, twelve digits.")
]


class Hold(StrEnum):
    """Why the operator suspends an account that its spec does not; the gravest first."""

    CUSTOMER_BLOCKED = "CustomerBlocked"
    PAYMENT_METHOD_MISSING = "PaymentMethodMissing"
    EXPIRED = "Expired"


CUSTOMER_HOLDS = frozenset({Hold.CUSTOMER_BLOCKED, Hold.PAYMENT_METHOD_MISSING})
"""The holds that follow from the account's Customer."""


class HoldRecord(Model):
    """One reason for which the account is held."""

    since: Annotated[Timestamp, Field(description="Since when.")]
    closes_at: Annotated[
        Timestamp | None,
        Field(
            description="When AWS closes the account if this reason is still there; absent: never for this reason. The "
            "operator moves it to a later time where the owner could not be told 24 hours before."
        ),
    ] = None


class NoticeStage(StrEnum):
    """Which notice of a time to come the owner was given last, in their order."""

    ANNOUNCED = "Announced"
    WEEK = "Week"
    DAY = "Day"
    PAST = "Past"


class NoticeRecord(Model):
    """What the owner was told of one time to come, so that it is told once."""

    about: Annotated[Timestamp, Field(description="The time that was told.")]
    stage: Annotated[
        NoticeStage,
        Field(
            description="The last notice. Announced: as soon as the time was set. Week: 7 days before. Day: 24 hours "
            "before. Past: it has come."
        ),
    ]
    since: Annotated[Timestamp, Field(description="When the owner was told of this time first.")]


class Deadline(StrEnum):
    """The times to come of which an owner is told; the keys of status.notices."""

    EXPIRY = "Expiry"
    CLOSURE = "Closure"


class CreateRequest(Model):
    """The request to AWS to create the account, recorded before it is sent so that it is never sent twice."""

    email: Annotated[str, Field(max_length=64, description="The AWS account's root e-mail address.")]
    account_name: Annotated[str, Field(max_length=50, description="The AWS account's name.")]
    recorded_at: Annotated[Timestamp, Field(description="When the request was recorded.")]
    request_id: Annotated[
        str | None, Field(max_length=36, description="AWS's id of the request (car-…), once AWS has responded.")
    ] = None
    found: Annotated[
        bool | None,
        Field(
            description="Whether the operator found the request by its account's name, because AWS's response "
            "was lost. It then checks the account's tag before it treats the account as this "
            "one's."
        ),
    ] = None


class PoolClaim(Model):
    """The wish for one prepared account, recorded before it is taken. It stays: the account came from a pool."""

    member: Annotated[str, Field(max_length=253, description="metadata.name of the PooledAccount in this namespace.")]
    member_uid: Annotated[str, Field(max_length=64, description="metadata.uid of that PooledAccount.")]
    aws_account_id: AwsAccountId
    pooled_id: Annotated[
        str,
        Field(
            max_length=36,
            description="This system's id of that PooledAccount, a UUID: the tag on what was prepared in the AWS "
            "account.",
        ),
    ]
    recorded_at: Annotated[Timestamp, Field(description="When the wish was recorded.")]


class AwsAccountStatus(Model):
    """The account as it is. Only the operator writes it; to change something, change the spec."""

    observed_generation: Annotated[
        int,
        Field(
            ge=0,
            description="The metadata.generation that the rest of the status is about. While it is smaller "
            "than the current one, the operator has not seen the newest spec.",
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
            description="The role by which the operator enters the AWS account, set when the account was "
            "created. Absent in accounts of older releases.",
        ),
    ] = None
    owner: Annotated[
        str | None, Field(max_length=254, description="The owner's e-mail address, from the spec or the Customer.")
    ] = None
    phase: Annotated[
        Phase,
        Field(
            description="The account's state, as the status of the HTTP API: pending (AWS was not asked yet), "
            "creating, active, failed (somebody must change something; see error) or suspended."
        ),
    ] = Phase.PENDING
    provisioning_step: Annotated[
        ProvisioningStep,
        Field(description="The next step; complete if none is left; failed."),
    ] = ProvisioningStep.CREATE_ACCOUNT
    create_request: CreateRequest | None = None
    claim: PoolClaim | None = None
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
            description="The Secret in this namespace with the IAM user's first password, until its owner has "
            "taken it. The first sign-in asks for a new password.",
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
        Field(max_length=64, description="AWS's id of the request to give the owner access, while it is in progress."),
    ] = None
    sso_revocation_request_id: Annotated[
        str | None,
        Field(
            max_length=64, description="AWS's id of the request to remove the owner's access, while it is in progress."
        ),
    ] = None
    closure_requested_at: Annotated[
        Timestamp | None, Field(description="When AWS took the request to close the account.")
    ] = None
    closure_due_at: Annotated[
        Timestamp | None,
        Field(
            description="A time of closure (spec.closeAt, or a hold's closesAt) that has come by the operator's clock "
            "and by Kubernetes', written before AWS is asked to close the account. An earlier time has come too."
        ),
    ] = None
    closed_at: Annotated[
        Timestamp | None,
        Field(
            description="When AWS took the request to close the account, once it is closed. For 90 days from then AWS "
            "Support can reopen it; absent again once it is open."
        ),
    ] = None
    reopened_at: Annotated[
        Timestamp | None,
        Field(
            description="When the operator saw the AWS account open again after a closure. It is not closed again for "
            "a time before this."
        ),
    ] = None
    sso_portal_url: Annotated[
        str | None, Field(max_length=256, description="The URL at which single sign-on starts.")
    ] = None
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
            description="The repositories whose workflows the deploy role in AWS admits now; those of the spec, once "
            "that is applied. From which branches is not said here; the condition OIDCConfigured does.",
        ),
    ] = None
    deploy_boundary_arn: Annotated[
        str | None,
        Field(
            max_length=256,
            description="The permissions boundary that the operator gave the deploy role, as its setting names it.",
        ),
    ] = None
    read_only_role_arn: Annotated[
        str | None,
        Field(
            max_length=256,
            description="GitHubActionsReadOnlyRole, once spec.readOnlyFrom or a repository's has asked for it. It "
            "stays when nothing asks for it any more, and then admits nobody.",
        ),
    ] = None
    read_only_repos: Annotated[
        list[Annotated[str, Field(max_length=MAX_LENGTH)]] | None,
        Field(
            max_length=MAX_REPOSITORIES,
            description="The repositories whose workflows the read-only role in AWS admits now.",
        ),
    ] = None
    agent_role_arn: Annotated[
        str | None,
        Field(
            max_length=256,
            description="The role for which the HTTP API issues tokens: an agent assumes it with its API key alone. "
            "Absent where tokens are off.",
        ),
    ] = None
    agent_issuer: Annotated[
        str | None,
        Field(max_length=255, description="The issuer of tokens that the account trusts now, as its URL."),
    ] = None
    welcome_message_id: Annotated[
        str | None, Field(max_length=128, description="The welcome mail's id in Amazon SES.")
    ] = None
    holds: Annotated[
        dict[str, HoldRecord],
        Field(
            max_length=8,
            description="Why the operator suspends the account although its spec does not say so, by reason. "
            "The account is resumed when no reason is left and the spec does not suspend it either. "
            "PaymentMethodMissing: the Customer could not pay for longer than the grace period. "
            "CustomerBlocked: the Customer's spec.blocked is true. Expired: spec.expiresAt has come.",
        ),
    ] = {}
    notices: Annotated[
        dict[str, NoticeRecord],
        Field(
            max_length=8,
            description="What the owner was told by mail, Event and history: of Expiry (spec.expiresAt) and of Closure "
            "(spec.closeAt, or a hold's closesAt).",
        ),
    ] = {}
    hold: Annotated[
        Hold | None,
        Field(description="The same as holds, as older releases wrote it. It still counts and is moved into holds."),
    ] = None
    error: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="Why the account is not ready and who can fix it, as a sentence; absent if nothing is wrong.",
        ),
    ] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said, with ids and ARNs, if error says that "
            "something is wrong. The HTTP API shows it to administrators only.",
        ),
    ] = None
    steps: Annotated[
        dict[str, StepRecord],
        Field(
            max_length=32,
            description="The operator's record of each step, by the step's name. The conditions say more.",
        ),
    ] = {}
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=32,
            description="One condition for each step, and the summaries Ready, Provisioned, Suspended, "
            "Reconciling and Stalled. Scripts should use `kubectl wait --for=condition=Ready`.",
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
