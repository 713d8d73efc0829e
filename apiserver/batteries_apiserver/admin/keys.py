"""A new API key for a customer who has none that works, or whose keys leaked: made by an administrator, shown once."""

import re

from aiohttp import web

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.body import read_body
from batteries_apiserver.http.errors import NotFound
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.keys.handlers import make_for
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_crds.customer import Customer

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/customers/{id}/keys: however many keys the customer has, for one may be needed urgently."""
    wanted = await read_body(request, NewKeyBody)
    customer = await any_customer(request.app[KUBE], request.match_info["id"])
    return await make_for(request, caller, customer.metadata.name, wanted, limit=None)


async def any_customer(kube: Kube, wanted: str) -> Customer:
    """The customer, read live.

    Raises:
        NotFound: there is none.
    """
    found = await kube.customers.find(kube.namespace, wanted) if _NAME.fullmatch(wanted) else None
    if found is None:
        raise NotFound(
            "customer_not_found",
            "There is no customer with this id. It is the customerId that a sign-up answers; `kubectl get customers` "
            "lists them.",
        )
    return found
