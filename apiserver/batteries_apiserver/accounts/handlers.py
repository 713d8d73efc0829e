"""The four requests of /v1/accounts."""

from uuid import uuid4

from aiohttp import web

from batteries_apiserver.accounts import ownership, views
from batteries_apiserver.accounts.admission import admitted
from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.repositories import AccountChange, NewAccount
from batteries_apiserver.answer import json_answer
from batteries_apiserver.app_keys import KUBE
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.body import read_body
from batteries_apiserver.errors import Conflict, Forbidden, NotFound
from batteries_apiserver.kube import BY_CUSTOMER
from batteries_crds.names import Phase

_POLL_SECONDS = "10"


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts: asks for an account; the operator makes it."""
    wanted = await read_body(request, NewAccount, required=False)
    kube, customer = request.app[KUBE], _customer(caller)
    async with admitted(kube, customer):
        account = await ownership.create(kube, str(uuid4()), customer, wanted.github_repos)
    headers = {"Location": f"/v1/accounts/{account.account_id}", "Retry-After": _POLL_SECONDS}
    return json_answer(views.accepted(account), status=202, headers=headers)


async def list_own(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts: the caller's accounts, oldest first."""
    accounts = request.app[KUBE].caches.accounts.find(BY_CUSTOMER, _customer(caller))
    accounts.sort(key=lambda account: (views.created_at(account), account.metadata.name))
    return json_answer({"accounts": [views.summary(account) for account in accounts]})


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts/{id}: one of the caller's accounts."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    return json_answer(views.detail(account))


async def change(request: web.Request, caller: Caller) -> web.Response:
    """PATCH /v1/accounts/{id}: which repositories may deploy. What is so already is not written."""
    wanted = await read_body(request, AccountChange)
    kube, customer = request.app[KUBE], _customer(caller)
    found = await own_account(kube, customer, request.match_info["id"])
    # Decided on what is so now, not on what the cache last saw.
    account = await kube.accounts.find(kube.namespace, found.metadata.name)
    if account is None or account.metadata.uid != found.metadata.uid:
        raise NotFound("account_not_found", "This account is gone.")
    if account.metadata.deletion_timestamp is not None:
        raise Conflict("account_not_active", "This account is being deleted; its repositories can't be changed.")
    if account.status.phase is not Phase.ACTIVE:
        raise Conflict("account_not_active", _WAIT_FOR[account.status.phase])
    if account.spec.github_repos != wanted.github_repos:
        account = await ownership.change(kube, account, customer, wanted.github_repos)
    return json_answer(views.changed(account))


_WAIT_FOR = {
    Phase.PENDING: "This account is pending. Its repositories can be changed once GET /v1/accounts/{id} says active.",
    Phase.CREATING: "This account is being created. Its repositories can be changed once GET /v1/accounts/{id} says "
    "active.",
    Phase.FAILED: "This account failed: GET /v1/accounts/{id} says why in its error. Its repositories can be changed "
    "once it is active.",
    Phase.SUSPENDED: "This account is suspended. Its repositories can be changed once it was resumed and is active.",
}


def _customer(caller: Caller) -> str:
    if caller.customer is None:
        raise Forbidden(
            "customer_key_required",
            "This is an administrator's key, and accounts belong to customers. Use the key of a customer.",
        )
    return caller.customer
