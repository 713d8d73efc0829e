"""The routes of /v1/admin."""

from uuid import UUID

from batteries_apiserver.admin import handlers, views
from batteries_apiserver.events.views import AdminEventList
from batteries_apiserver.paging import LINK, PageQuery
from batteries_apiserver.route import Access, Answer, Parameter, Route, Tag

ID = Parameter(name="id", where="path", type=UUID, description="The accountId.")
_REFUSALS = ("account_not_found", "ambiguous_account", "changed_meanwhile")

ROUTES = (
    Route(
        method="GET",
        path="/v1/admin/accounts",
        handler=handlers.list_accounts,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="List all accounts",
        details="Of every watched namespace, those made with kubectl included. Oldest first.",
        query=PageQuery,
        answers={200: Answer("All accounts", views.AdminAccountList, headers=(LINK,))},
    ),
    Route(
        method="GET",
        path="/v1/admin/events",
        handler=handlers.list_events,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="List the provisioning events of all accounts",
        details="Newest last. Of each account the last 64 are kept.",
        query=handlers.EventQuery,
        answers={200: Answer("Event list", AdminEventList, headers=(LINK,))},
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/suspend",
        handler=handlers.suspend,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Suspend an account",
        details="It counts as suspended at once; the operator closes it in AWS, where what runs goes on and costs. "
        "Repeating is harmless.",
        parameters=(ID,),
        answers={200: Answer("Account suspended", views.AccountOrdered)},
        errors=(*_REFUSALS, "owned_elsewhere"),
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/resume",
        handler=handlers.resume,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Resume a suspended account",
        details="The operator opens its doors again. Repeating is harmless.",
        parameters=(ID,),
        answers={200: Answer("Account resumed", views.AccountOrdered)},
        errors=(*_REFUSALS, "owned_elsewhere"),
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/retry",
        handler=handlers.retry,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Try again what failed",
        details="For a failed account whose trouble was mended outside of it. What is under way needs no retry.",
        parameters=(ID,),
        answers={200: Answer("Retry ordered", views.AccountOrdered)},
        errors=(*_REFUSALS, "nothing_to_retry"),
    ),
)
