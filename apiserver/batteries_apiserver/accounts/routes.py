"""The routes of /v1/accounts."""

from uuid import UUID

from batteries_apiserver.accounts import deploy_workflow, handlers, leaving_handlers
from batteries_apiserver.accounts.bodies import AccountChange, NewAccount
from batteries_apiserver.accounts.credentials import Credentials
from batteries_apiserver.accounts.prefer_wait import APPLIED, PREFER
from batteries_apiserver.http.entity_tags import ETAG, IF_NONE_MATCH
from batteries_apiserver.http.idempotency import IDEMPOTENCY_KEY
from batteries_apiserver.http.paging import LINK, PageQuery
from batteries_apiserver.http.route import Access, Header, Parameter, Response, Route, Tag
from batteries_apiserver.projections import account_views, leaving_views

ID = Parameter(name="id", where="path", type=UUID, description="The accountId from POST /accounts.")
NOT_MODIFIED = Response("Nothing has changed since the ETag in If-None-Match", headers=(ETAG,))

ROUTES = (
    Route(
        method="POST",
        path="/v1/accounts",
        handler=handlers.create,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Request an AWS account",
        details="The account is created in the background: in seconds if one of the pool is ready, otherwise in about "
        "five minutes; `message` says which. Poll Location until it is active, or follow its events. With `Prefer: "
        "wait=N` the response is 201 with the whole account if it became active within that time.",
        parameters=(IDEMPOTENCY_KEY, PREFER),
        body=NewAccount,
        body_required=False,
        responses={
            201: Response(
                "The account is active. Only a request with `Prefer: wait` gets this response",
                account_views.AccountDetail,
                headers=(Header(name="Location", description="The path of the account."), APPLIED),
            ),
            202: Response(
                "Provisioning started",
                account_views.Accepted,
                headers=(
                    Header(name="Location", description="The path of the account."),
                    Header(
                        name="Retry-After",
                        type=int,
                        description="When to poll again, in seconds: sooner for an account of the pool. Absent if the "
                        "account failed or is suspended.",
                    ),
                    APPLIED,
                ),
            ),
        },
        errors=(
            "payment_method_required",
            "account_limit_reached",
            "accounts_refused",
            "changed_meanwhile",
            "invalid_idempotency_key",
            "idempotency_key_reused",
        ),
    ),
    Route(
        method="GET",
        path="/v1/accounts",
        handler=handlers.list_own,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="List your accounts",
        details="Oldest first.",
        query=PageQuery,
        parameters=(IF_NONE_MATCH,),
        responses={200: Response("Account list", account_views.AccountList, headers=(LINK, ETAG)), 304: NOT_MODIFIED},
    ),
    Route(
        method="GET",
        path="/v1/accounts/{id}",
        handler=handlers.show,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Read one account",
        parameters=(ID, PREFER, IF_NONE_MATCH),
        responses={
            200: Response("Account details", account_views.AccountDetail, headers=(ETAG, APPLIED)),
            304: NOT_MODIFIED,
        },
        errors=("account_not_found",),
    ),
    Route(
        method="PATCH",
        path="/v1/accounts/{id}",
        handler=handlers.change,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Change which repositories may deploy, or when the account ends",
        details="`githubRepos` replaces the whole list. AWS accepts the repositories a few seconds later. `expiresAt` "
        "can be changed in every state, also to open an account that has expired: no request about repositories may "
        "be in the same body then.",
        parameters=(ID, PREFER),
        body=AccountChange,
        responses={200: Response("Account updated", account_views.AccountChanged, headers=(APPLIED,))},
        errors=(
            "account_not_found",
            "account_not_active",
            "account_being_deleted",
            "owned_elsewhere",
            "changed_meanwhile",
        ),
    ),
    Route(
        method="DELETE",
        path="/v1/accounts/{id}",
        handler=leaving_handlers.close,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Close an account",
        details="The account is suspended at once, and AWS closes it at `closesAt`. Until then `resume` takes that "
        "back; for 90 days after, AWS Support can reopen it. Repeating the request changes nothing, so its answer "
        "names the same time. It works while the account is created or suspended, without a valid payment method, and "
        "while you are blocked. It does not cancel your subscription: that is at `POST /v1/stripe/portal`.",
        parameters=(ID, PREFER),
        responses={202: Response("The account will be closed", leaving_views.Leaving, headers=(APPLIED,))},
        blocked_may=True,
        errors=("account_not_found", "owned_elsewhere", "account_being_deleted", "changed_meanwhile"),
    ),
    Route(
        method="POST",
        path="/v1/accounts/{id}/suspend",
        handler=leaving_handlers.suspend,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Suspend your account",
        details="Nobody can use it until you resume it. Its content is kept, and what runs in it keeps running and "
        "costing. Repeating the request changes nothing. It works without a valid payment method, and while you are "
        "blocked.",
        parameters=(ID, PREFER),
        responses={202: Response("The account is being suspended", leaving_views.Leaving, headers=(APPLIED,))},
        blocked_may=True,
        errors=("account_not_found", "owned_elsewhere", "account_being_deleted", "changed_meanwhile"),
    ),
    Route(
        method="POST",
        path="/v1/accounts/{id}/resume",
        handler=leaving_handlers.resume,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Resume your account, or take its closure back",
        details="Ends your own suspension, and a closure that has not happened yet. What others suspended stays: then "
        "the response is 409 `account_held` and names who lifts it, and your own part is lifted all the same. After "
        "the account was closed the response is 409 `account_closed` and says who can reopen it. Repeating the request "
        "changes nothing.",
        parameters=(ID, PREFER),
        responses={202: Response("The account is being resumed", leaving_views.Leaving, headers=(APPLIED,))},
        unpaid_may=True,
        errors=(
            "account_not_found",
            "account_held",
            "account_closed",
            "owned_elsewhere",
            "account_being_deleted",
            "changed_meanwhile",
        ),
    ),
    Route(
        method="GET",
        path="/v1/accounts/{id}/workflow",
        handler=deploy_workflow.show_workflow,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Get the GitHub Actions workflow that deploys to the account",
        details="The finished file: the role, the region and the permissions are filled in, and it names the "
        "repositories in which it works. YAML, or JSON with `Accept: application/json`.",
        parameters=(ID,),
        responses={
            200: Response("The workflow", deploy_workflow.DeployWorkflow, media_types=(deploy_workflow.YAML,)),
        },
        errors=("account_not_found", "account_not_active", "no_deploy_role", "no_repositories"),
    ),
    Route(
        method="POST",
        path="/v1/accounts/{id}/credentials",
        handler=handlers.reveal_credentials,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Reveal the IAM user's first password, once",
        details="Sign in with it to the console at `signInUrl`, which asks for a new password at the first sign-in. "
        "Only this response shows it. Single sign-on and the deploy role need no password. Refused while the account "
        "is suspended.",
        parameters=(ID,),
        responses={200: Response("The first credentials", Credentials)},
        errors=("account_not_found", "account_not_active", "credentials_not_ready", "credentials_gone"),
    ),
)
