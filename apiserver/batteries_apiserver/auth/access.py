"""The guards that run before every handler that is not public.

Guarded handlers take the caller as an argument, so a handler that needs a caller can't be registered without a guard.
One rule for all: 401 is a request without a valid key, 403 a valid key that may not do this. The one exception is the
contract's, which names 401 alone for GET /admin/accounts.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION
from aiohttp.typedefs import Handler

from batteries_apiserver.auth.authenticator import AUTHENTICATOR, Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.auth.customer_checks import refuse
from batteries_apiserver.auth.presented_key import refusal_without
from batteries_apiserver.auth.rate_limit import KNOWN_KEY
from batteries_apiserver.http.errors import Unavailable, WrongKey, WrongKeyInContract
from batteries_apiserver.http.route import CustomerRequirement
from batteries_apiserver.kube.clients import KUBE
from batteries_crds.api_key import Scope

_FOR_ADMINISTRATORS = "This path is for administrators. Use an administrator's key."

CallerHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


def with_key(handler: CallerHandler, requirement: CustomerRequirement = CustomerRequirement.ANY) -> Handler:
    """Guards a handler for customers: 401 without a valid key, 403 with an administrator's.

    403 or 402 if the customer does not meet the requirement. All before the body is read.
    """

    async def guarded(request: web.Request) -> web.StreamResponse:
        caller = await _caller(request)
        await refuse(request.app[KUBE], customer_of(caller), requirement)
        return await handler(request, caller)

    return guarded


def with_admin_key(handler: CallerHandler, *, wrong_key_is_401: bool = False) -> Handler:
    """Guards a handler for administrators: 401 without a valid key, 403 with a customer's.

    `wrong_key_is_401`: see `Route`.
    """

    async def guarded(request: web.Request) -> web.StreamResponse:
        caller = await _caller(request)
        if not caller.is_admin:
            if wrong_key_is_401:
                raise WrongKeyInContract("not_an_admin_key", _FOR_ADMINISTRATORS)
            raise WrongKey("admin_key_required", _FOR_ADMINISTRATORS)
        return await handler(request, caller)

    return guarded


async def _caller(request: web.Request) -> Caller:
    authorization = request.headers.get(AUTHORIZATION)
    if authorization is None:
        raise refusal_without(request)
    caller = await request.app[AUTHENTICATOR].caller(authorization, request.get(KNOWN_KEY))
    if not request.app[KUBE].caches.synced:
        raise Unavailable("starting", "This server is starting. Send the same request again in a moment.")
    return caller


def with_scope(handler: CallerHandler, scopes: frozenset[Scope]) -> CallerHandler:
    """Guards a handler against keys with other scopes than these."""

    async def for_some_keys(request: web.Request, caller: Caller) -> web.StreamResponse:
        if caller.scope not in scopes:
            allowed = " or ".join(sorted(scopes, reverse=True))
            more = " and get tokens for AWS" if caller.scope is Scope.AWS else ""
            raise WrongKey(
                "scope_read_only",
                f"This API key has the scope {caller.scope.value}: it may only read (GET){more}, not change or reveal "
                f"anything{' else' if more else ''}. Use a key with the scope {allowed}.",
            )
        return await handler(request, caller)

    return for_some_keys
