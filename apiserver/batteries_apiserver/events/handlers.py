"""GET /v1/accounts/{id}/events, as JSON or as a stream."""

from contextlib import suppress
from typing import Annotated

from aiohttp import web
from pydantic import Field

from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.prefer_wait import is_settled
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.events.last_event_id import last_event_id
from batteries_apiserver.events.stream import STREAMS, after, end_id, stream
from batteries_apiserver.http.accept import named
from batteries_apiserver.http.query import Query, read_query
from batteries_apiserver.http.request_context import request_id
from batteries_apiserver.http.request_log import HEADER
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.http.time_limit import lift_time_limit
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.projections.event_views import event_views
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now

EVENT_STREAM = "text/event-stream"


class FollowQuery(Query):
    """Whether a stream stays open."""

    follow: Annotated[
        bool,
        Field(
            description="Only for a stream. true: it stays open once the account is active, failed or suspended, for "
            "later changes. Otherwise it ends then."
        ),
    ] = False


async def follow(request: web.Request, caller: Caller) -> web.StreamResponse:
    """Returns the events so far as JSON, or streams them and later ones."""
    stays = read_query(request, FollowQuery).follow
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    last_id = last_event_id(request)
    if _wants_stream(request):
        if not stays and is_settled(account) and last_id == end_id(account):
            return web.Response(status=204)
        return await _stream(request, caller, account, last_id, follow=stays)
    return json_response({"events": after(event_views(account), last_id)})


def _wants_stream(request: web.Request) -> bool:
    return EVENT_STREAM in named(request)


async def _stream(
    request: web.Request, caller: Caller, account: AwsAccount, last_id: str | None, *, follow: bool
) -> web.StreamResponse:
    kube, settings = request.app[KUBE], request.app[SETTINGS]
    with request.app[STREAMS].one(caller):
        lift_time_limit(request)
        # No buffering: otherwise nginx holds a stream back until its buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", HEADER: request_id()}
        response = web.StreamResponse(headers=headers)
        response.content_type = EVENT_STREAM
        with suppress(ConnectionError):  # the client disconnected
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            await stream(
                response,
                kube,
                account,
                last_id=last_id,
                heartbeat=settings.api_heartbeat_seconds,
                follow=follow,
                allowed=lambda: _is_good(request, caller),
            )
        return response


def _is_good(request: web.Request, caller: Caller) -> bool:
    """Whether the key that opened the stream still works, according to the cache."""
    key = request.app[KUBE].caches.keys.get(caller.key_name)
    return key is not None and key.works_at(utc_now())
