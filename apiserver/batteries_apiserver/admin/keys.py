"""Lets an administrator create an API key for a customer who has no working key, or whose keys leaked."""

from aiohttp import web

from batteries_apiserver.admin.lookup import any_customer
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.body import read_body
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.keys.handlers import make_for
from batteries_apiserver.kube.clients import KUBE


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/customers/{id}/keys. The key limit does not apply, because the key may be needed urgently."""
    wanted = await read_body(request, NewKeyBody)
    customer = await any_customer(request.app[KUBE], request.match_info["id"])
    return await make_for(request, caller, customer.metadata.name, wanted, limit=None)
