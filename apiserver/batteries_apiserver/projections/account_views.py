"""AwsAccounts as the contract shows them. Unknown values are left out, never null.

The shapes are TypedDicts: mypy checks the functions against them, the OpenAPI document is generated from them, and at
run time they are plain dicts that cost nothing.
"""

from datetime import datetime
from typing import Annotated, Any, NotRequired, TypeVar, cast

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.http.paging import sort_key
from batteries_apiserver.projections.account_error import error_for_customers
from batteries_apiserver.projections.message import message
from batteries_apiserver.projections.suspension_reasons import SuspensionReason, suspension_reasons
from batteries_apiserver.projections.where_from import (
    DeployFrom,
    Pinned,
    ReadOnlyFrom,
    ReadOnlyRoleArn,
    Rules,
    where_from,
)
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import ExpiryPolicy
from batteries_crds.base import EPOCH, to_rfc3339
from batteries_crds.names import Phase, ProvisioningStep

AccountId = Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="This API's id of the account.")]
AwsId = Annotated[
    str, Field(description="The twelve-digit AWS account id, once AWS has assigned it.", examples=["123456789012"])
]
Status = Annotated[Phase, Field(description="The account's state.")]
Step = Annotated[ProvisioningStep, Field(description="The next step, or complete, or failed.")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Uri = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Repos = Annotated[list[str], Field(description="The repositories that may deploy.", examples=[["my-org/my-repo"]])]
RoleArn = Annotated[
    str,
    Field(
        description="The role that GitHub Actions assume.",
        examples=["arn:aws:iam::123456789012:role/GitHubActionsDeployRole"],
    ),
]

ExpiresAt = Annotated[
    Moment,
    Field(
        description="When the account ends and is suspended. Absent: never. PATCH extends it.",
    ),
]
ExpiryPolicy_ = Annotated[
    ExpiryPolicy,
    Field(description="What happens at expiresAt: Suspend, or Close (suspended, and closed by AWS at closesAt)."),
]
ClosesAt = Annotated[
    Moment,
    Field(
        description="When AWS closes the account at the earliest, if nothing changes. Absent: never.",
    ),
]
ClosedAt = Annotated[Moment, Field(description="When the AWS account was seen closed.")]
ReopenableUntil = Annotated[
    Moment,
    Field(description="Until when AWS Support can reopen the AWS account."),
]
Message = Annotated[
    str,
    Field(
        description="What is happening to the account, and for how long; also whether it came from a pool of prepared "
        "accounts, or that one there is ready for it.",
        examples=["An account of the pool is ready for you: it takes seconds (0 seconds so far)."],
    ),
]
Error = Annotated[str, Field(description="Why the account is not ready, and what to do about it.")]


class Accepted(TypedDict):
    """The response to POST /accounts."""

    accountId: AccountId
    status: Status
    createdAt: Moment
    expiresAt: NotRequired[ExpiresAt]
    message: Message
    error: NotRequired[Error]


class AccountSummary(TypedDict):
    """An account in a list."""

    accountId: AccountId
    awsAccountId: NotRequired[AwsId]
    status: Status
    provisioningStep: Step
    createdAt: Moment
    closesAt: NotRequired[ClosesAt]
    closedAt: NotRequired[ClosedAt]


class AccountDetail(AccountSummary):
    """An account, with everything that its owner needs to use it."""

    iamUserName: NotRequired[Annotated[str, Field(description="The IAM user for the console.")]]
    signInUrl: NotRequired[Annotated[Uri, Field(description="The page where the IAM user signs in.")]]
    ssoUserName: NotRequired[Annotated[str, Field(description="The user for single sign-on.")]]
    ssoPortalUrl: NotRequired[Annotated[Uri, Field(description="The page where single sign-on starts.")]]
    githubRepos: Repos
    oidcRoleArn: NotRequired[RoleArn]
    repositories: NotRequired[Rules]
    deployFrom: NotRequired[DeployFrom]
    readOnlyFrom: NotRequired[ReadOnlyFrom]
    readOnlyRoleArn: NotRequired[ReadOnlyRoleArn]
    pinned: NotRequired[Pinned]
    expiryPolicy: NotRequired[ExpiryPolicy_]
    updatedAt: Moment
    reopenableUntil: NotRequired[ReopenableUntil]
    suspensionReasons: NotRequired[
        Annotated[
            list[SuspensionReason],
            Field(description="Why the account is suspended, each with its way out. Absent: it is not."),
        ]
    ]
    message: Message
    error: NotRequired[Error]


class AccountList(TypedDict):
    """The response to GET /accounts."""

    accounts: list[AccountSummary]


class AccountChanged(TypedDict):
    """The response to PATCH /accounts/{id}."""

    accountId: AccountId
    awsAccountId: NotRequired[AwsId]
    githubRepos: Repos
    oidcRoleArn: NotRequired[RoleArn]
    repositories: NotRequired[Rules]
    deployFrom: NotRequired[DeployFrom]
    readOnlyFrom: NotRequired[ReadOnlyFrom]
    readOnlyRoleArn: NotRequired[ReadOnlyRoleArn]
    pinned: NotRequired[Pinned]
    expiresAt: NotRequired[ExpiresAt]
    expiryPolicy: NotRequired[ExpiryPolicy_]
    closesAt: NotRequired[ClosesAt]
    status: Status


def created_at(account: AwsAccount) -> str:
    """When the account was requested."""
    return to_rfc3339(account.metadata.creation_timestamp or EPOCH)


def sort_key_of(account: AwsAccount) -> str:
    """Its sort key in a list: oldest first."""
    return sort_key(account.metadata.creation_timestamp, account.metadata.namespace, account.metadata.name)


def own_sort_key_of(account: AwsAccount) -> str:
    """Its sort key in its customer's list, whose accounts are all in one namespace: customers never see its name."""
    return sort_key(account.metadata.creation_timestamp, account.metadata.name)


def own_sort_key(given: str) -> str:
    """A sort key of `own_sort_key_of`, from a cursor of release 0.1.0 too, which had the namespace in the middle."""
    moment, *names = given.split("~")
    return "~".join([moment, *names[-1:]])


def status_of(account: AwsAccount) -> Phase:
    """The contract's status. It is suspended as soon as that is wanted, and while AWS has closed it; `message` says
    whether AWS is done.
    """
    return Phase.SUSPENDED if account.is_suspended or account.is_closed else account.status.phase


def accepted(account: AwsAccount, sentence: str) -> Accepted:
    """The response to POST /accounts, with a sentence about what is happening."""
    return _known(
        Accepted,
        accountId=str(account.account_id),
        status=Phase.PENDING,
        createdAt=created_at(account),
        expiresAt=_moment(account.spec.expires_at),
        message=sentence,
    )


def accepted_in_vain(account: AwsAccount, accepted: Accepted) -> Accepted:
    """The response to a POST /accounts that waited until the account failed or was suspended: with the reason."""
    return _known(Accepted, **accepted, error=error_for_customers(account))


def summary(account: AwsAccount) -> AccountSummary:
    """AccountSummary."""
    return _known(AccountSummary, **_summary(account))


def detail(account: AwsAccount) -> AccountDetail:
    """AccountDetail."""
    status = account.status
    return _known(
        AccountDetail,
        **_summary(account),
        iamUserName=status.iam_user_name,
        signInUrl=status.sign_in_url,
        ssoUserName=status.sso_user_name,
        ssoPortalUrl=status.sso_portal_url,
        githubRepos=account.spec.repository_names,
        oidcRoleArn=status.oidc_role_arn,
        **where_from(account),
        expiryPolicy=_policy(account),
        updatedAt=updated_at(account),
        reopenableUntil=_moment(account.reopenable_until),
        suspensionReasons=suspension_reasons(account) or None,
        message=message(account),
        error=error_for_customers(account),
    )


def changed(account: AwsAccount) -> AccountChanged:
    """The response to PATCH /accounts/{id}. `githubRepos` are the wanted ones; AWS accepts them a moment later."""
    status = account.status
    return _known(
        AccountChanged,
        accountId=str(account.account_id),
        awsAccountId=status.aws_account_id,
        githubRepos=account.spec.repository_names,
        oidcRoleArn=status.oidc_role_arn,
        **where_from(account),
        expiresAt=_moment(account.spec.expires_at),
        expiryPolicy=_policy(account),
        closesAt=_closes_at(account),
        status=status_of(account),
    )


def _summary(account: AwsAccount) -> dict[str, Any]:
    status = account.status
    return {
        "accountId": str(account.account_id),
        "awsAccountId": status.aws_account_id,
        "status": status_of(account),
        "provisioningStep": status.provisioning_step,
        "createdAt": created_at(account),
        "expiresAt": _moment(account.spec.expires_at),
        "closesAt": _closes_at(account),
        "closedAt": _moment(status.closed_at),
    }


def _closes_at(account: AwsAccount) -> str | None:
    return None if account.is_closed else _moment(account.closes_at)


def _policy(account: AwsAccount) -> ExpiryPolicy | None:
    """What happens at its end, if it has one."""
    return None if account.spec.expires_at is None else account.spec.expiry_policy


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else to_rfc3339(moment)


def updated_at(account: AwsAccount) -> str:
    """When it last changed."""
    moments = [condition.last_transition_time for condition in account.status.conditions]
    moments += [event.timestamp for event in account.status.history]
    if account.metadata.creation_timestamp:
        moments.append(account.metadata.creation_timestamp)
    return to_rfc3339(max(moments, default=EPOCH))


S = TypeVar("S")


def _known(shape: type[S], **fields: Any) -> S:
    """Drops unknown fields. A test checks the views against their shapes; doing so here would slow every request."""
    return cast(S, {name: value for name, value in fields.items() if value is not None})
