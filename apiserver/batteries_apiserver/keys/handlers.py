"""The three requests of /v1/keys."""

from aiohttp import web

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, changed_by
from batteries_apiserver.http.body import read_body
from batteries_apiserver.http.errors import BadRequest, NotFound
from batteries_apiserver.http.idempotency import idempotency_key
from batteries_apiserver.http.paging import PageQuery, links, page, start_of
from batteries_apiserver.http.query import read_query
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.keys import issue, views
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.kube.clients import BY_CUSTOMER, BY_ID, KUBE, Kube
from batteries_apiserver.settings import SETTINGS
from batteries_crds.api_key import ApiKey
from batteries_crds.base import to_rfc3339
from batteries_crds.identity import is_uuid
from batteries_crds.notification import NotificationKind


async def list_own(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/keys: the caller's keys, oldest first; revoked and expired ones are listed for 90 days."""
    query = read_query(request, PageQuery)
    found = request.app[KUBE].caches.keys.find(BY_CUSTOMER, customer_of(caller))
    ordered = sorted(((views.sort_key_of(key), key) for key in found), key=lambda entry: entry[0])
    part, following = page(ordered, query, start_of(request, query))
    keys = [views.key_view(key) for _, key in part]
    return json_response({"keys": keys}, headers=links(request, query, following))


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/keys: another key; only this response shows it."""
    wanted = await read_body(request, NewKeyBody)
    limit = request.app[SETTINGS].api_key_limit
    return await make_for(request, caller, customer_of(caller), wanted, limit=limit)


async def make_for(
    request: web.Request, caller: Caller, customer: str, wanted: NewKeyBody, *, limit: int | None
) -> web.Response:
    """Creates a key for the customer, sends the customer a mail about it, and returns the response.

    Raises:
        Conflict: as `issue.issue`.
    """
    made, minted = await issue.issue(
        request.app[KUBE], customer, wanted, repeat_key=idempotency_key(request), limit=limit, by=caller
    )
    expires = made.spec.expires_at
    await request.app[NOTIFICATIONS].notify(
        NotificationKind.KEY_CREATED,
        customer,
        made.metadata.name,
        key_prefix=minted.prefix,
        scope=made.spec.scope.value,
        expires_at="it is revoked" if expires is None else to_rfc3339(expires),
        by=changed_by(caller),
    )
    return json_response(views.created(made, minted), status=201, headers={"Cache-Control": "no-store"})


async def revoke(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /v1/keys/{id}: refuses the key from now on."""
    wanted = request.match_info["id"].lower()
    if not is_uuid(wanted):
        raise BadRequest("invalid_key_id", "A key's id is a UUID. GET /v1/keys lists the ids of your keys.")
    customer = customer_of(caller)
    key = await _own(request.app[KUBE], customer, wanted)
    if key.spec.revoked_at is None:
        revoked = await issue.revoke_own(request.app[KUBE], customer, key.metadata.name)
        if revoked is not None:
            prefix = revoked.spec.key_prefix
            await request.app[NOTIFICATIONS].notify(
                NotificationKind.KEY_REVOKED, customer, key.metadata.name, key_prefix=prefix, by=changed_by(caller)
            )
    return web.Response(status=204)


async def _own(kube: Kube, customer: str, wanted: str) -> ApiKey:
    """Returns the customer's key from the cache, or by one live read if another replica has just created it."""
    found = kube.caches.keys.find(BY_ID, wanted)
    if not found:
        key = await kube.keys.find(kube.namespace, wanted)
        found = [] if key is None else [key]
    for key in found:
        if key.spec.customer_ref is not None and key.spec.customer_ref.name == customer:
            return key
    raise NotFound("key_not_found", "You have no API key with this id. GET /v1/keys lists your keys.")
