"""What every response has in common: a Request-Id, the API version, and errors in Stripe's form.

No error leaves in another form: unknown paths, oversized bodies and the stand-in's own bugs included.
"""

import json
import logging

import stripe
from aiohttp import web

from batteries_sandbox.stripe.authentication import check_key, check_version
from batteries_sandbox.stripe.errors import StripeError, unrecognized_url
from batteries_sandbox.stripe.expiry import expire_due
from batteries_sandbox.stripe.faults import Handle, with_faults
from batteries_sandbox.stripe.keys import ACCOUNT, REQUEST_ID, SETTINGS
from batteries_sandbox.stripe.objects import JsonObject, new_id

_LOG = logging.getLogger(__name__)


@web.middleware
async def answer_like_stripe(request: web.Request, handler: Handle) -> web.StreamResponse:
    """Runs a request for the API, a page or a tool, and gives its response Stripe's headers."""
    request[REQUEST_ID] = new_id("req_")
    expire_due(request.app[ACCOUNT])
    try:
        response = await _run(request, handler)
    except StripeError as error:
        response = error_response(error)
    except web.HTTPException as error:
        response = error_response(_from_aiohttp(request, error))
    except Exception:
        _LOG.exception("the stand-in failed at %s %s", request.method, request.path)
        response = error_response(StripeError("The stand-in has a bug: see its log.", status=500, kind="api_error"))
    response.headers["Request-Id"] = request[REQUEST_ID]
    response.headers["Stripe-Version"] = stripe.api_version
    return response


async def _run(request: web.Request, handler: Handle) -> web.StreamResponse:
    if not request.path.startswith("/v1/"):
        return await handler(request)

    async def authenticated(request: web.Request) -> web.StreamResponse:
        check_key(request, request.app[SETTINGS].secret_key)
        check_version(request)
        return await handler(request)

    return await with_faults(request, authenticated)


def _from_aiohttp(request: web.Request, error: web.HTTPException) -> StripeError:
    # A wrong method is an unknown URL too: Stripe's message names both.
    if error.status in (404, 405):
        return unrecognized_url(request.method, request.path)
    return StripeError(error.reason, status=error.status)


def error_response(error: StripeError) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="Stripe"'} if error.status == 401 else {}
    return web.json_response({"error": error.fields}, status=error.status, headers=headers, dumps=to_json)


def to_json(answer: JsonObject) -> str:
    """Indented, as Stripe's responses are."""
    return json.dumps(answer, indent=2)
