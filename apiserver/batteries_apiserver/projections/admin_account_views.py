"""Accounts as administrators see them: with their owner, and the namespace and name for kubectl."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.account_error import cause_for_admins
from batteries_apiserver.projections.account_views import AccountDetail, AccountId, Moment, Status, Step
from batteries_crds.aws_account import AwsAccount


class AdminAccount(AccountDetail):
    """An account, for administrators."""

    namespace: Annotated[str, Field(description="The namespace of its AwsAccount.")]
    name: Annotated[str, Field(description="The name of its AwsAccount.")]
    customerId: NotRequired[Annotated[str, Field(description="The Customer that owns it.")]]
    owner: NotRequired[Annotated[str, Field(description="The owner's e-mail address.")]]
    cause: NotRequired[
        Annotated[str, Field(description="The message from AWS or Kubernetes that caused the error, if there is one.")]
    ]


class AdminAccountList(TypedDict):
    """The response to GET /admin/accounts."""

    accounts: list[AdminAccount]


class AccountActionAccepted(TypedDict):
    """The response to an administrator's action."""

    accountId: AccountId
    status: Status
    provisioningStep: Step
    updatedAt: Moment


def for_admins(account: AwsAccount) -> dict[str, str]:
    """The fields that AdminAccount has in addition to AccountDetail."""
    more = {"namespace": account.metadata.namespace, "name": account.metadata.name}
    if account.spec.customer_ref is not None:
        more["customerId"] = account.spec.customer_ref.name
    owner = account.status.owner or account.spec.email
    if owner is not None:
        more["owner"] = owner
    cause = cause_for_admins(account)
    if cause is not None:
        more["cause"] = cause
    return more


def action_accepted(account: AwsAccount) -> AccountActionAccepted:
    """The account with the action applied."""
    return {
        "accountId": str(account.account_id),
        "status": account_views.status_of(account),
        "provisioningStep": account.status.provisioning_step,
        "updatedAt": account_views.updated_at(account),
    }
