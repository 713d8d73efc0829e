"""The routes of /v1/accounts."""

from uuid import UUID

from batteries_apiserver.accounts import handlers, views
from batteries_apiserver.accounts.repositories import AccountChange, NewAccount
from batteries_apiserver.route import Access, Answer, Header, Parameter, Route, Tag

ID = Parameter(name="id", where="path", type=UUID, description="The accountId that POST /accounts answered.")

ROUTES = (
    Route(
        method="POST",
        path="/v1/accounts",
        handler=handlers.create,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Ask for an AWS account",
        details="The account is made in the background, in about five minutes. Poll Location until it is active.",
        body=NewAccount,
        body_required=False,
        answers={
            202: Answer(
                "Provisioning started",
                views.Accepted,
                headers=(
                    Header(name="Location", description="The path of the account."),
                    Header(name="Retry-After", type=int, description="When to look again, in seconds."),
                ),
            )
        },
        errors=("payment_method_required", "account_limit_reached", "changed_meanwhile", "customer_key_required"),
    ),
    Route(
        method="GET",
        path="/v1/accounts",
        handler=handlers.list_own,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="List your accounts",
        details="Oldest first.",
        answers={200: Answer("Account list", views.AccountList)},
        errors=("customer_key_required",),
    ),
    Route(
        method="GET",
        path="/v1/accounts/{id}",
        handler=handlers.show,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Read one account",
        parameters=(ID,),
        answers={200: Answer("Account details", views.AccountDetail)},
        errors=("account_not_found",),
    ),
    Route(
        method="PATCH",
        path="/v1/accounts/{id}",
        handler=handlers.change,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Change which repositories may deploy",
        details="`githubRepos` is the whole list as it shall be. AWS admits the repositories a few seconds later.",
        parameters=(ID,),
        body=AccountChange,
        answers={200: Answer("Account updated", views.AccountChanged)},
        errors=(
            "account_not_found",
            "account_not_active",
            "owned_elsewhere",
            "changed_meanwhile",
            "customer_key_required",
        ),
    ),
)
