"""The requests of /v1/admin."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, TypeVar

import orjson
from aiohttp import web
from pydantic import Field

from batteries_apiserver.admin import actions
from batteries_apiserver.admin.lookup import any_account
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.instant import Instant
from batteries_apiserver.http.long_list import long_list_response
from batteries_apiserver.http.paging import PageQuery, links, start_of
from batteries_apiserver.http.query import read_query
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.projections import admin_account_views
from batteries_apiserver.projections.event_log import Entry
from batteries_apiserver.projections.serialized import SerializedAccount
from batteries_crds.names import EventStatus

P = TypeVar("P", SerializedAccount, Entry)
"""An item with a sort key in a long list."""


class EventQuery(PageQuery):
    """Which events the caller wants; all of them if every parameter is absent."""

    status: Annotated[EventStatus | None, Field(description="Only events with this status.")] = None
    since: Annotated[Instant | None, Field(description="Only events at or after this time.")] = None


async def list_accounts(request: web.Request, caller: Caller) -> web.StreamResponse:
    """GET /v1/admin/accounts: every account of every watched namespace, oldest first."""
    query, serialized = read_query(request, PageQuery), request.app[KUBE].caches.serialized
    part, headers = _part(request, query, serialized.after(start_of(request, query)))
    return await long_list_response(request, "accounts", part, SerializedAccount.admin_detail, headers)


async def list_events(request: web.Request, caller: Caller) -> web.StreamResponse:
    """GET /v1/admin/events: the events of all accounts, newest last."""
    query, events = read_query(request, EventQuery), request.app[KUBE].caches.events
    found = events.find(status=query.status, since=query.since, cursor=start_of(request, query))
    part, headers = _part(request, query, found)
    return await long_list_response(request, "events", part, _event, headers)


def _part(request: web.Request, query: PageQuery, found: Iterator[P]) -> tuple[Iterable[P], dict[str, str]]:
    """Returns the wanted page, and the headers with the link to the next one."""
    if query.most is None:
        return found, {}
    part = list(islice(found, query.most))
    there_is_more = next(found, None) is not None
    return part, links(request, query, part[-1].sort_key if there_is_more else None)


def _event(entry: Entry) -> bytes:
    return orjson.dumps(entry.event)


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/admin/accounts/{id}."""
    serialized = request.app[KUBE].caches.serialized.of(await any_account(request))
    return web.Response(body=serialized.admin_detail(), content_type="application/json")


async def suspend(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/suspend."""
    account = await any_account(request)
    return json_response(admin_account_views.action_accepted(await actions.suspend(request.app[KUBE], account, True)))


async def resume(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/resume."""
    account = await any_account(request)
    return json_response(admin_account_views.action_accepted(await actions.suspend(request.app[KUBE], account, False)))


async def retry(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/retry."""
    account = await any_account(request)
    return json_response(admin_account_views.action_accepted(await actions.retry(request.app[KUBE], account)))
