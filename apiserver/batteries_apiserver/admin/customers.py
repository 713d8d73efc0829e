"""Customers for administrators: list and show them, change their limit, block and unblock them.

spec.blocked and spec.accountLimit are applied server-side, each with its own field manager, so that one action does not
release the other's field. If git owns the field, the response says so; a value from a one-off update is taken over. The
writes contain the uid, so that a deleted Customer is not created again.
"""

from typing import Annotated, Any

import structlog
from aiohttp import web
from kubernetes.aio.client import ApiException
from pydantic import BeforeValidator, Field

from batteries_apiserver.admin.customer_views import customer_view, sort_key_of
from batteries_apiserver.admin.lookup import any_customer, no_such_customer
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.body import Body, read_body
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.line import Line
from batteries_apiserver.http.paging import PageQuery, links, page, start_of
from batteries_apiserver.http.query import read_query
from batteries_apiserver.http.responses import json_response, list_response
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_crds.customer import Customer
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, Resources, status_of

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


def _whole(value: object) -> object:
    """JSON has only one number type, so 10.0 is accepted as an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class CustomerChange(Body):
    """PATCH /admin/customers/{id}."""

    account_limit: Annotated[
        int,
        Field(ge=0, le=100_000, description="How many accounts the customer may have.", examples=[10]),
        BeforeValidator(_whole),  # after the bounds, or the document loses them
    ]


class BlockRequest(Body):
    """POST /admin/customers/{id}/block."""

    reason: Annotated[
        Line | None,
        Field(max_length=256, description="Why you block the customer. Only administrators see it."),
    ] = None


async def list_customers(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/admin/customers: every Customer of the API's namespace, oldest first."""
    query, kube = read_query(request, PageQuery), request.app[KUBE]
    found = sorted(((sort_key_of(one), one) for one in kube.caches.customers.all()), key=lambda entry: entry[0])
    part, following = page(found, query, start_of(request, query))
    customers = [one for _, one in part]
    return await list_response(
        "customers", customers, lambda one: customer_view(kube, one), links(request, query, following)
    )


async def show_customer(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/admin/customers/{id}."""
    kube = request.app[KUBE]
    return json_response(customer_view(kube, await any_customer(kube, request.match_info["id"])))


async def change_customer(request: web.Request, caller: Caller) -> web.Response:
    """PATCH /v1/admin/customers/{id}: how many accounts the customer may have."""
    wanted, kube = await read_body(request, CustomerChange), request.app[KUBE]
    customer = await any_customer(kube, request.match_info["id"])
    if customer.spec.account_limit != wanted.account_limit:
        customer = await _apply(kube, kube.limits, customer, {"accountLimit": wanted.account_limit})
        log.info("account_limit_changed", customer=customer.metadata.name, limit=wanted.account_limit)
    return json_response(customer_view(kube, customer))


async def block(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/customers/{id}/block."""
    wanted, kube = await read_body(request, BlockRequest, required=False), request.app[KUBE]
    customer = await any_customer(kube, request.match_info["id"])
    reason = wanted.reason if wanted.reason is not None else customer.spec.blocked_reason
    if not customer.spec.blocked or customer.spec.blocked_reason != reason:
        spec = {"blocked": True, **({} if reason is None else {"blockedReason": reason})}
        customer = await _apply(kube, kube.blocks, customer, spec)
        log.warning("customer_blocked", customer=customer.metadata.name, by=caller.key_name)
    return json_response(customer_view(kube, customer))


async def unblock(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/customers/{id}/unblock."""
    kube = request.app[KUBE]
    customer = await any_customer(kube, request.match_info["id"])
    if customer.spec.blocked:
        customer = await _apply(kube, kube.blocks, customer, {"blocked": False})
        log.warning("customer_unblocked", customer=customer.metadata.name, by=caller.key_name)
    return json_response(customer_view(kube, customer))


async def _apply(kube: Kube, manager: Resources[Customer], customer: Customer, spec: dict[str, Any]) -> Customer:
    meta = customer.metadata
    body = {"metadata": {"uid": meta.uid}, "spec": spec}
    for _ in range(_ATTEMPTS):
        try:
            written = await server_side_apply.apply(manager, kube.namespace, meta.name, body, what="customer")
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                raise no_such_customer() from error
            if status_of(error) != CONFLICT:
                raise
            # Taking over a field needs the current resourceVersion, and payment updates change it all the time.
        else:
            kube.caches.customers.put(written)
            return written
    raise Conflict(
        "changed_meanwhile", "This customer was changed or deleted at the same moment. Read it and try again."
    )
