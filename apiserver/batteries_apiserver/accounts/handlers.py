"""The requests of /v1/accounts."""

from operator import itemgetter

from aiohttp import web

from batteries_apiserver.accounts import credentials, ownership, repeatable, views
from batteries_apiserver.accounts.admission import admitted
from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.repositories import AccountChange, NewAccount, refuse_too_many
from batteries_apiserver.answer import json_answer, raw_list
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.body import read_body
from batteries_apiserver.caller import customer_of
from batteries_apiserver.entity_tags import combined, tagged
from batteries_apiserver.errors import Conflict, NotFound
from batteries_apiserver.idempotency import idempotency_key
from batteries_apiserver.kube import BY_CUSTOMER, KUBE, Kube
from batteries_apiserver.notices import NOTICES, by
from batteries_apiserver.paging import PageQuery, links, page
from batteries_apiserver.query import read_query
from batteries_apiserver.request_context import is_about
from batteries_apiserver.settings import SETTINGS
from batteries_apiserver.waiting import preferred
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import Phase
from batteries_crds.notification import NotificationKind

_POLL_SECONDS = "10"


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts: asks for an account; the operator makes it."""
    wanted = await read_body(request, NewAccount, required=False)
    refuse_too_many(wanted.github_repos, request.app[SETTINGS].trust_policy_limit)
    kube, customer, key = request.app[KUBE], customer_of(caller), idempotency_key(request)
    account = await (_create(kube, customer, wanted) if key is None else repeatable.create(kube, customer, key, wanted))
    is_about(str(account.account_id))
    answer = views.accepted(account)
    account, headers = await preferred(request, account)
    if headers:
        answer["status"] = views.status_of(account)
    location = request.app[SETTINGS].reference_to(f"/v1/accounts/{account.account_id}")
    headers |= {"Location": location, "Retry-After": _POLL_SECONDS}
    return json_answer(answer, status=202, headers=headers)


async def _create(kube: Kube, customer: str, wanted: NewAccount) -> AwsAccount:
    async with admitted(kube, customer):
        return await ownership.create_once(kube, customer, wanted.github_repos)


async def list_own(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts: the caller's accounts, oldest first."""
    query, customer, caches = read_query(request, PageQuery), customer_of(caller), request.app[KUBE].caches
    if query.is_whole:
        tag, body = caches.shown.whole_list(customer, lambda: caches.accounts.find(BY_CUSTOMER, customer))
        return tagged(request, tag, lambda: body, {})
    found = [caches.shown.of(account) for account in caches.accounts.find(BY_CUSTOMER, customer)]
    part, following = page(sorted([(shown.place, shown) for shown in found], key=itemgetter(0)), query)
    accounts = [shown for _, shown in part]
    return tagged(
        request,
        combined(following or "", *[shown.tag for shown in accounts]),
        lambda: raw_list("accounts", [shown.summary for shown in accounts]),
        links(request, query, following),
    )


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts/{id}: one of the caller's accounts."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    account, headers = await preferred(request, account)
    shown = request.app[KUBE].caches.shown.of(account)
    return tagged(request, shown.tag, shown.detail, headers)


async def change(request: web.Request, caller: Caller) -> web.Response:
    """PATCH /v1/accounts/{id}: which repositories may deploy. What is so already is not written."""
    wanted = await read_body(request, AccountChange)
    refuse_too_many(wanted.github_repos, request.app[SETTINGS].trust_policy_limit)
    kube, customer = request.app[KUBE], customer_of(caller)
    found = await own_account(kube, customer, request.match_info["id"])
    # Decided on what is so now, not on what the cache last saw.
    account = await kube.accounts.find(kube.namespace, found.metadata.name)
    if account is None or account.metadata.uid != found.metadata.uid:
        raise NotFound("account_not_found", "This account is gone.")
    if account.metadata.deletion_timestamp is not None:
        raise Conflict("account_not_active", "This account is being deleted; its repositories can't be changed.")
    status = views.status_of(account)
    if status is not Phase.ACTIVE:
        raise Conflict("account_not_active", _WAIT_FOR[status])
    if account.spec.github_repos != wanted.github_repos:
        account = await ownership.change(kube, account, customer, wanted.github_repos)
        await request.app[NOTICES].tell(
            NotificationKind.REPOSITORIES_CHANGED,
            customer,
            account.metadata.uid,
            str(account.metadata.generation),
            repositories=", ".join(wanted.github_repos) or "none: nobody may deploy",
            by=by(caller),
            **about(account),
        )
    account, headers = await preferred(request, account)
    return json_answer(views.changed(account), headers=headers)


async def reveal_credentials(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts/{id}/credentials: the IAM user's first password, this once."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    revealed, secret = await credentials.reveal(request.app[KUBE], account)
    await request.app[NOTICES].tell(
        NotificationKind.PASSWORD_REVEALED, customer_of(caller), secret.uid, by=by(caller), **about(account)
    )
    return json_answer(revealed, headers={"Cache-Control": "no-store"})


def about(account: AwsAccount) -> dict[str, str]:
    """What a mail says of which account it is about."""
    return {"account_id": str(account.account_id), "aws_account_id": account.status.aws_account_id or "(not made yet)"}


_WAIT_FOR = {
    Phase.PENDING: "This account is pending. Its repositories can be changed once GET /v1/accounts/{id} says active.",
    Phase.CREATING: "This account is being created. Its repositories can be changed once GET /v1/accounts/{id} says "
    "active.",
    Phase.FAILED: "This account failed: GET /v1/accounts/{id} says why in its error. Its repositories can be changed "
    "once it is active.",
    Phase.SUSPENDED: "This account is suspended. Its repositories can be changed once it was resumed and is active.",
}
