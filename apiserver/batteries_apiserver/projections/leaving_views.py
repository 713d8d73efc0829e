"""What an owner is told who suspends, closes or resumes an account: what happens now, and when the rest does."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.suspension_reasons import SuspensionReason, suspension_reasons
from batteries_crds.aws_account import REOPENABLE, AwsAccount
from batteries_crds.base import to_rfc3339


class Leaving(TypedDict):
    """The response to DELETE /accounts/{id}, and to its suspend and resume."""

    accountId: account_views.AccountId
    awsAccountId: NotRequired[account_views.AwsId]
    status: account_views.Status
    closesAt: NotRequired[account_views.ClosesAt]
    closedAt: NotRequired[account_views.ClosedAt]
    reopenableUntil: NotRequired[account_views.ReopenableUntil]
    suspensionReasons: Annotated[
        list[SuspensionReason],
        Field(description="Why it is suspended, each with its way out; empty: it is not."),
    ]
    message: Annotated[str, Field(description="What happens now and later, and how to take it back.")]


def leaving(account: AwsAccount) -> Leaving:
    """The account as its owner now wants it."""
    view: Leaving = {
        "accountId": str(account.account_id),
        "status": account_views.status_of(account),
        "suspensionReasons": suspension_reasons(account),
        "message": message(account),
    }
    if account.status.aws_account_id is not None:
        view["awsAccountId"] = account.status.aws_account_id
    if account.closes_at is not None and not account.is_closed:
        view["closesAt"] = to_rfc3339(account.closes_at)
    if account.status.closed_at is not None:
        view["closedAt"] = to_rfc3339(account.status.closed_at)
    if account.reopenable_until is not None:
        view["reopenableUntil"] = to_rfc3339(account.reopenable_until)
    return view


def message(account: AwsAccount) -> str:
    """What happens now and later, as sentences."""
    if account.is_closed:
        return how_to_reopen(account)
    if account.spec.close_at is not None:
        return (
            "The account is suspended now: nobody can use it, but what runs in it keeps running and costing until it "
            f"is closed. {_closing(account)} Until then, POST /v1/accounts/{{id}}/resume keeps it; for "
            f"{REOPENABLE.days} days after, AWS Support can reopen it; then AWS deletes what is in it. Closing an "
            "account does not cancel your subscription: POST /v1/stripe/portal does."
        )
    if account.is_suspended:
        return (
            "The account is suspended: nobody can use it, but its content is kept, and what runs in it keeps running "
            f"and costing. {_closing(account)} suspensionReasons says what opens it again."
        ).replace("  ", " ")
    return "Nothing suspends the account. If it was suspended, it is opened again within a minute or two."


def _closing(account: AwsAccount) -> str:
    return "" if account.closes_at is None else f"AWS closes it at {to_rfc3339(account.closes_at)}."


def how_to_reopen(account: AwsAccount) -> str:
    """What the owner of a closed account can do."""
    number, until = account.status.aws_account_id or "(not known)", account.reopenable_until
    if until is None:
        return "The AWS account is closed."
    return (
        f"AWS account {number} was closed on {to_rfc3339(until - REOPENABLE)}. Only AWS Support can reopen it, until "
        f"{to_rfc3339(until)}: ask support here to open a case with AWS. What you wanted is noted, and once AWS has "
        "reopened the account, it is set up again by itself if nothing else suspends it. After that time AWS deletes "
        "what is in it; POST /v1/accounts requests another account."
    )
