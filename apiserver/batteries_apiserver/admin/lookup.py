"""Finds any account or customer by its id, for an administrator.

Two namespaces can have accounts with the same id, because an object's name may be its id. The API's own namespace wins:
otherwise somebody with write access to another namespace could prevent an administrator from suspending a customer's
account.
"""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from batteries_apiserver.http.errors import BadRequest, Conflict, NotFound
from batteries_apiserver.http.query import Query, read_query
from batteries_apiserver.http.request_context import bind_account
from batteries_apiserver.kube.clients import BY_ID, KUBE, Kube
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.identity import is_uuid


class NamespaceQuery(Query):
    """Selects one of several accounts with the same id."""

    namespace: Annotated[
        str | None,
        Field(
            max_length=63,
            pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            description="The namespace of the AwsAccount. Without it, the API's own namespace is searched first, "
            "then all others, where only one may have an account with this id.",
        ),
    ] = None


async def any_account(request: web.Request) -> AwsAccount:
    """Reads the account that the path and `?namespace=` name, live, because actions must use its current state.

    Raises:
        NotFound: there is none.
        Conflict: several namespaces have one with that id, none of them the API's own.
        BadRequest: this server does not watch the namespace.
    """
    kube, wanted = request.app[KUBE], request.match_info["id"].lower()
    namespace = read_query(request, NamespaceQuery).namespace
    _refuse_unwatched(request, namespace)
    account = None
    if is_uuid(wanted):
        account = await (_anywhere(kube, wanted) if namespace is None else _within(kube, namespace, wanted))
    if account is None:
        where = "" if namespace is None else f" in the namespace {namespace}"
        raise NotFound(
            "account_not_found",
            f"There is no account with this id{where}. GET /v1/admin/accounts lists all accounts.",
        )
    kube.caches.accounts.put(account)
    bind_account(wanted)
    return account


def _refuse_unwatched(request: web.Request, namespace: str | None) -> None:
    watched = request.app[SETTINGS].watched_namespaces
    if namespace is None or None in watched or namespace in watched:
        return
    raise BadRequest(
        "invalid_request",
        f"This server does not watch the namespace {namespace}. It watches {', '.join(filter(None, watched))}.",
    )


async def _anywhere(kube: Kube, wanted: str) -> AwsAccount | None:
    """The account in our namespace, or else the only one in another."""
    ours = await _within(kube, kube.namespace, wanted)
    if ours is not None:
        return ours
    others = [one.metadata.namespace for one in kube.caches.accounts.find(BY_ID, wanted)]
    others = sorted(name for name in others if name != kube.namespace)
    if len(others) > 1:
        raise Conflict(
            "ambiguous_account",
            f"The namespaces {' and '.join(others)} each have an account with this id. Say which one you mean: "
            f"?namespace={others[0]}.",
        )
    return await _within(kube, others[0], wanted) if others else None


async def _within(kube: Kube, namespace: str, wanted: str) -> AwsAccount | None:
    """Reads it by the name that the cache knows, or by the id, which is the name of accounts that the API creates."""
    known = [one for one in kube.caches.accounts.find(BY_ID, wanted) if one.metadata.namespace == namespace]
    return await kube.accounts.find(namespace, known[0].metadata.name if known else wanted)


async def any_customer(kube: Kube, wanted: str) -> Customer:
    """Reads the Customer live, because actions must use its current state.

    Raises:
        NotFound: there is none.
    """
    customer = await kube.customers.find(kube.namespace, wanted)
    if customer is None:
        raise no_such_customer()
    kube.caches.customers.put(customer)
    return customer


def no_such_customer() -> NotFound:
    """The error for an id that no Customer has."""
    return NotFound("customer_not_found", "There is no customer with this id. GET /v1/admin/customers lists all.")
