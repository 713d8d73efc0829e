"""The routes of /v1/admin."""

from uuid import UUID

from batteries_apiserver.admin import customer_views, customers, handlers, keys
from batteries_apiserver.admin.lookup import NamespaceQuery
from batteries_apiserver.http.idempotency import IDEMPOTENCY_KEY
from batteries_apiserver.http.paging import LINK, PageQuery
from batteries_apiserver.http.route import Access, Parameter, Response, Route, Tag
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.keys.views import KeyCreated
from batteries_apiserver.projections import admin_account_views
from batteries_apiserver.projections.event_views import AdminEventList

ID = Parameter(name="id", where="path", type=UUID, description="The accountId.")
CUSTOMER_ID = Parameter(name="id", where="path", description="The customerId.")
_CUSTOMER_REFUSALS = ("customer_not_found", "changed_meanwhile", "owned_elsewhere")
_UNKNOWN = ("account_not_found", "ambiguous_account")
_REFUSALS = (*_UNKNOWN, "changed_meanwhile")
_WHICH = " If several namespaces have an account with this id, the API's own is used, unless `namespace` names another."

ROUTES = (
    Route(
        method="GET",
        path="/v1/admin/accounts",
        handler=handlers.list_accounts,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="List all accounts",
        details="Accounts of every watched namespace, including those made with kubectl. Oldest first.",
        query=PageQuery,
        responses={200: Response("All accounts", admin_account_views.AdminAccountList, headers=(LINK,))},
        wrong_key_is_401=True,
    ),
    Route(
        method="GET",
        path="/v1/admin/events",
        handler=handlers.list_events,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="List the provisioning events of all accounts",
        details="Newest last. The last 64 events of each account are kept.",
        query=handlers.EventQuery,
        responses={200: Response("Event list", AdminEventList, headers=(LINK,))},
    ),
    Route(
        method="GET",
        path="/v1/admin/accounts/{id}",
        handler=handlers.show,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Read any account",
        details=_WHICH.strip(),
        parameters=(ID,),
        query=NamespaceQuery,
        responses={200: Response("Account details", admin_account_views.AdminAccount)},
        errors=_UNKNOWN,
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/suspend",
        handler=handlers.suspend,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Suspend an account",
        details="The account counts as suspended at once, and the operator then takes all access away in AWS. Running "
        "machines keep running and keep costing money. Repeating is harmless." + _WHICH,
        parameters=(ID,),
        query=NamespaceQuery,
        responses={200: Response("Account suspended", admin_account_views.AccountActionAccepted)},
        errors=(*_REFUSALS, "owned_elsewhere"),
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/resume",
        handler=handlers.resume,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Resume a suspended account",
        details="The operator gives access again: console, single sign-on, deploy role. Repeating is harmless."
        + _WHICH,
        parameters=(ID,),
        query=NamespaceQuery,
        responses={200: Response("Account resumed", admin_account_views.AccountActionAccepted)},
        errors=(*_REFUSALS, "owned_elsewhere"),
    ),
    Route(
        method="POST",
        path="/v1/admin/accounts/{id}/retry",
        handler=handlers.retry,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Retry a failed account",
        details="Use it after you have fixed what made the account fail. An account that is still being worked on "
        "needs no retry." + _WHICH,
        parameters=(ID,),
        query=NamespaceQuery,
        responses={200: Response("Retry accepted", admin_account_views.AccountActionAccepted)},
        errors=(*_REFUSALS, "nothing_to_retry"),
    ),
    Route(
        method="GET",
        path="/v1/admin/customers",
        handler=customers.list_customers,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="List all customers",
        details="Customers of the API's namespace. Oldest first.",
        query=PageQuery,
        responses={200: Response("All customers", customer_views.AdminCustomerList, headers=(LINK,))},
    ),
    Route(
        method="GET",
        path="/v1/admin/customers/{id}",
        handler=customers.show_customer,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Read one customer",
        parameters=(CUSTOMER_ID,),
        responses={200: Response("The customer", customer_views.AdminCustomer)},
        errors=("customer_not_found",),
    ),
    Route(
        method="PATCH",
        path="/v1/admin/customers/{id}",
        handler=customers.change_customer,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Change how many accounts a customer may have",
        details="Existing accounts stay, even beyond the limit. Customers with the same card share the largest of "
        "their limits; each of them also keeps to its own.",
        parameters=(CUSTOMER_ID,),
        body=customers.CustomerChange,
        responses={200: Response("The customer", customer_views.AdminCustomer)},
        errors=_CUSTOMER_REFUSALS,
    ),
    Route(
        method="POST",
        path="/v1/admin/customers/{id}/block",
        handler=customers.block,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Block a customer",
        details="The customer may only read, all of their accounts are suspended, and nobody with the same card can "
        "sign up or get another account. (If you only suspend an account, its owner can request the next one.) "
        "Repeating is harmless.",
        parameters=(CUSTOMER_ID,),
        body=customers.BlockRequest,
        body_required=False,
        responses={200: Response("The customer", customer_views.AdminCustomer)},
        errors=_CUSTOMER_REFUSALS,
    ),
    Route(
        method="POST",
        path="/v1/admin/customers/{id}/unblock",
        handler=customers.unblock,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Unblock a customer",
        details="The customer's accounts are resumed unless they have another reason to be suspended. Repeating is "
        "harmless.",
        parameters=(CUSTOMER_ID,),
        responses={200: Response("The customer", customer_views.AdminCustomer)},
        errors=_CUSTOMER_REFUSALS,
    ),
    Route(
        method="POST",
        path="/v1/admin/customers/{id}/keys",
        handler=keys.create,
        access=Access.ADMIN,
        tag=Tag.ADMIN,
        summary="Create an API key for a customer",
        details="For a customer who has no working key left. Only this response shows the `key`; the customer gets a "
        "mail that an administrator created it. Repeating the request with the same Idempotency-Key creates no second "
        "key: the response is 409 with the id of the first.",
        parameters=(
            CUSTOMER_ID,
            IDEMPOTENCY_KEY,
        ),
        body=NewKeyBody,
        responses={201: Response("Key created", KeyCreated)},
        errors=("customer_not_found", "invalid_idempotency_key", "key_already_made"),
    ),
)
