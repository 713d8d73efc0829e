"""Runs an endpoint of the API: parse the form, look for a saved response, check the parameters, run, expand, save.

Between the lookup and the save nothing is awaited, so no other request can come between.
"""

from aiohttp import web

from batteries_sandbox.stripe.account import Cause
from batteries_sandbox.stripe.endpoint import Call, Endpoint
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.expansion import expand
from batteries_sandbox.stripe.faults import Handle
from batteries_sandbox.stripe.forms import decode_form, nest
from batteries_sandbox.stripe.idempotency import Request, SavedAnswer
from batteries_sandbox.stripe.keys import ACCOUNT, REQUEST_ID, SAVED_ANSWERS
from batteries_sandbox.stripe.middleware import to_json
from batteries_sandbox.stripe.parameters import read_parameters

_FORM = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]


def handler_of(endpoint: Endpoint) -> Handle:
    """Makes the aiohttp handler for one row of the route table."""

    async def handle(request: web.Request) -> web.StreamResponse:
        pairs = await _pairs(request)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is None:
            return _answer(_run(endpoint, request, pairs, None))
        return _run_once(endpoint, request, pairs, key)

    return handle


async def _pairs(request: web.Request) -> Pairs:
    pairs = decode_form(request.rel_url.raw_query_string)
    if request.method != "POST":
        return pairs
    body = await request.read()
    if body and request.content_type != _FORM:
        raise StripeError(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any"
            " questions, we can help at https://support.stripe.com/."
        )
    try:
        return pairs + decode_form(body.decode())
    except UnicodeDecodeError as failure:
        raise StripeError("Invalid request: the body is not valid UTF-8.") from failure


def _run(endpoint: Endpoint, request: web.Request, pairs: Pairs, key: str | None) -> str:
    account = request.app[ACCOUNT]
    params = read_parameters(endpoint.params, nest(pairs), clearable=endpoint.clearable)
    call = Call(request.match_info.get("id", ""), params, Cause(request[REQUEST_ID], key))
    return to_json(expand(account, endpoint.run(account, call), params.get("expand", [])))


def _run_once(endpoint: Endpoint, request: web.Request, pairs: Pairs, key: str) -> web.Response:
    saved_answers, now = request.app[SAVED_ANSWERS], request.app[ACCOUNT].clock.now()
    this = Request(request.method, request.path, tuple(sorted(pairs)))
    saved = saved_answers.find(key, this, now)
    if saved is not None:
        headers = {"Idempotency-Key": key, "Original-Request": saved.request_id, "Idempotent-Replayed": "true"}
        return _answer(saved.body, headers)
    body = _run(endpoint, request, pairs, key)
    saved_answers.save(key, SavedAnswer(this, body, request[REQUEST_ID], now))
    return _answer(body, {"Idempotency-Key": key, "Original-Request": request[REQUEST_ID]})


def _answer(body: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=body, content_type="application/json", headers=headers)
