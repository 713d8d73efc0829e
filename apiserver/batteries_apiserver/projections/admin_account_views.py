"""Accounts as administrators see them: whose they are, and where kubectl finds them."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.account_error import cause_for_admins
from batteries_apiserver.projections.account_views import AccountDetail, AccountId, Moment, Status, Step
from batteries_crds.aws_account import AwsAccount


class AdminAccount(AccountDetail):
    """An account of anybody."""

    namespace: Annotated[str, Field(description="The namespace of its AwsAccount.")]
    name: Annotated[str, Field(description="The name of its AwsAccount.")]
    customerId: NotRequired[Annotated[str, Field(description="The Customer that owns it.")]]
    owner: NotRequired[Annotated[str, Field(description="The owner's e-mail address.")]]
    cause: NotRequired[
        Annotated[str, Field(description="What AWS or Kubernetes said, if error says that something went wrong.")]
    ]


class AdminAccountList(TypedDict):
    """The answer to GET /admin/accounts."""

    accounts: list[AdminAccount]


class AccountActionAccepted(TypedDict):
    """The answer to an order."""

    accountId: AccountId
    status: Status
    provisioningStep: Step
    updatedAt: Moment


def for_admins(account: AwsAccount) -> dict[str, str]:
    """What AdminAccount has more than AccountDetail."""
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
    """The account as it stands under the order."""
    return {
        "accountId": str(account.account_id),
        "status": account_views.status_of(account),
        "provisioningStep": account.status.provisioning_step,
        "updatedAt": account_views.updated_at(account),
    }
