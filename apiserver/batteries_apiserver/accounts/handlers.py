"""The requests of /v1/accounts."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from aiohttp import web

from batteries_apiserver.accounts import credentials, extending, idempotent_create, ownership, times
from batteries_apiserver.accounts.admission import admitted
from batteries_apiserver.accounts.bodies import AccountChange, NewAccount
from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.prefer_wait import APPLIED, is_settled, wait_as_preferred
from batteries_apiserver.accounts.repositories import applied, refuse_too_many
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, changed_by
from batteries_apiserver.http.body import read_body
from batteries_apiserver.http.entity_tags import combined, tagged
from batteries_apiserver.http.errors import Conflict, NotFound
from batteries_apiserver.http.idempotency import idempotency_key
from batteries_apiserver.http.paging import PageQuery, links, page, start_of
from batteries_apiserver.http.query import read_query
from batteries_apiserver.http.request_context import bind_account
from batteries_apiserver.http.responses import json_list, json_response
from batteries_apiserver.kube.clients import BY_CUSTOMER, KUBE, Kube
from batteries_apiserver.kube.object_events import tell_once
from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.message import is_from_pool, message
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339
from batteries_crds.github.repository_fields import RepositoryFields, repositories_of
from batteries_crds.names import Phase
from batteries_crds.notification import NotificationKind

_LATER, _SOON = "10", "2"
"""When to look again, in seconds: at an account that AWS makes, and at one from the pool."""


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts: requests an account, which the operator then creates."""
    body = await read_body(request, NewAccount, required=False)
    wanted = applied(body, request.app[SETTINGS].new_account)
    refuse_too_many(wanted, request.app[SETTINGS].trust_policy_limit)
    ends = times.of_new(body, request.app[SETTINGS].longest_life)
    kube, customer, key = request.app[KUBE], customer_of(caller), idempotency_key(request)
    if key is None:
        account = await _create(kube, customer, wanted, ends)
    else:
        account = await idempotent_create.create(kube, customer, key, body, wanted, ends)
    bind_account(str(account.account_id))
    account, headers = await wait_as_preferred(request, account)
    has_pool = kube.caches.prepared.is_there_for(account)
    accepted = account_views.accepted(account, message(account, has_pool=has_pool))
    poll = {"Retry-After": _SOON if has_pool or is_from_pool(account) else _LATER}
    headers["Location"] = request.app[SETTINGS].reference_to(f"/v1/accounts/{account.account_id}")
    if APPLIED.name not in headers:
        return json_response(accepted, status=202, headers=headers | poll)
    return _waited(account, accepted, headers, poll)


def _waited(
    account: AwsAccount, accepted: account_views.Accepted, headers: dict[str, str], poll: dict[str, str]
) -> web.Response:
    """The response to a request that waited: 201 with the whole account if it is active, otherwise 202."""
    accepted["status"] = account_views.status_of(account)
    if not is_settled(account):
        return json_response(accepted, status=202, headers=headers | poll)
    if accepted["status"] is Phase.ACTIVE:
        return json_response(account_views.detail(account), status=201, headers=headers)
    # Failed or suspended: asking again soon would change nothing, so there is no Retry-After.
    return json_response(account_views.accepted_in_vain(account, accepted), status=202, headers=headers)


async def _create(kube: Kube, customer: str, wanted: RepositoryFields, ends: Mapping[str, Any]) -> AwsAccount:
    async with admitted(kube, customer):
        return await ownership.create_once(kube, customer, wanted, ends)


async def list_own(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts: the caller's accounts, oldest first."""
    query, customer, caches = read_query(request, PageQuery), customer_of(caller), request.app[KUBE].caches
    if query.is_whole:
        tag, body = caches.serialized.whole_list(customer, lambda: caches.accounts.find(BY_CUSTOMER, customer))
        return tagged(request, tag, lambda: body, {})
    found = [caches.serialized.of(account) for account in caches.accounts.find(BY_CUSTOMER, customer)]
    ordered = sorted([(account_views.own_sort_key_of(one.account), one) for one in found], key=itemgetter(0))
    after = start_of(request, query)
    part, following = page(ordered, query, after and account_views.own_sort_key(after))
    accounts = [serialized for _, serialized in part]
    return tagged(
        request,
        combined(following or "", *[serialized.tag for serialized in accounts]),
        lambda: json_list("accounts", [serialized.summary for serialized in accounts]),
        links(request, query, following),
    )


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts/{id}: one of the caller's accounts."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    account, headers = await wait_as_preferred(request, account)
    serialized = request.app[KUBE].caches.serialized.of(account)
    return tagged(request, serialized.tag, serialized.detail, headers)


async def change(request: web.Request, caller: Caller) -> web.Response:
    """PATCH /v1/accounts/{id}: who may deploy and where from, and when the account ends. What does not change is not
    written.
    """
    body = await read_body(request, AccountChange)
    refuse_too_many(applied(body, RepositoryFields()), request.app[SETTINGS].trust_policy_limit)
    account = await own_account(request.app[KUBE], customer_of(caller), request.match_info["id"])
    times.of_change(body, account, request.app[SETTINGS].longest_life)  # refused before anything is written
    if body.is_about_repositories:
        account = await _change_repositories(request, caller, account, body)
    account = await _extend(request, caller, account, body)
    account, headers = await wait_as_preferred(request, account)
    return json_response(account_views.changed(account), headers=headers)


async def _extend(request: web.Request, caller: Caller, found: AwsAccount, body: AccountChange) -> AwsAccount:
    """Changes when the account ends, in whatever state it is."""
    if not body.model_fields_set & times.ChangedTimes.model_fields.keys():
        return found
    kube, longest = request.app[KUBE], request.app[SETTINGS].longest_life
    account, before = await extending.extend(kube, found, lambda live: times.of_change(body, live, longest))
    if before is not None:
        ends, policy = account.spec.expires_at, account.spec.expiry_policy.value
        until = f"The account ends at {to_rfc3339(ends)} ({policy})" if ends is not None else "The account has no end"
        await tell_once(kube.rest, account, "EndChanged", f"{until}: changed {changed_by(caller)}.")
    return account


async def _change_repositories(
    request: web.Request, caller: Caller, found: AwsAccount, body: AccountChange
) -> AwsAccount:
    """Changes who may deploy, and where from, of an account that is active."""
    kube, customer, limit = request.app[KUBE], customer_of(caller), request.app[SETTINGS].trust_policy_limit
    # Read live, because the cache may be behind.
    account = await kube.accounts.find(kube.namespace, found.metadata.name)
    if account is None or account.metadata.uid != found.metadata.uid:
        raise NotFound("account_not_found", "This account was deleted.")
    if account.metadata.deletion_timestamp is not None:
        raise Conflict("account_not_active", "This account is being deleted; its repositories can't be changed.")
    status = account_views.status_of(account)
    if status is not Phase.ACTIVE:
        raise Conflict("account_not_active", _WAIT_FOR[status])
    wanted = applied(body, account.spec)
    refuse_too_many(wanted, limit)
    if wanted != repositories_of(account.spec):
        account = await ownership.change(kube, account, customer, wanted)
        await request.app[NOTIFICATIONS].notify(
            NotificationKind.REPOSITORIES_CHANGED,
            customer,
            account.metadata.uid,
            str(account.metadata.generation),
            repositories=_told(wanted),
            by=changed_by(caller),
            **about(account),
        )
    return account


def _told(wanted: RepositoryFields) -> str:
    """Who may do what, for a mail."""
    deploy = ", ".join(map(str, wanted.deploying)) or "none: nobody may deploy"
    read = ", ".join(map(str, wanted.reading))
    return f"{deploy}; may read: {read}" if read else deploy


async def reveal_credentials(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts/{id}/credentials: the IAM user's first password, this once."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    revealed, secret = await credentials.reveal(request.app[KUBE], account)
    await request.app[NOTIFICATIONS].notify(
        NotificationKind.PASSWORD_REVEALED, customer_of(caller), secret.uid, by=changed_by(caller), **about(account)
    )
    return json_response(revealed, headers={"Cache-Control": "no-store"})


def about(account: AwsAccount) -> dict[str, str]:
    """The details by which a mail identifies the account."""
    return {"account_id": str(account.account_id), "aws_account_id": account.status.aws_account_id or "(not made yet)"}


_WAIT_FOR = {
    Phase.PENDING: "This account is pending. Its repositories can be changed once GET /v1/accounts/{id} says active.",
    Phase.CREATING: "This account is being created. Its repositories can be changed once GET /v1/accounts/{id} says "
    "active.",
    Phase.FAILED: "This account failed: GET /v1/accounts/{id} says why in its error. Its repositories can be changed "
    "once it is active.",
    Phase.SUSPENDED: "This account is suspended. Its repositories can be changed once it is active again.",
}
