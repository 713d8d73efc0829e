"""The requests of /v1/admin."""

from itertools import islice
from typing import Annotated

from aiohttp import web
from pydantic import Field

from batteries_apiserver.accounts.views import place_of
from batteries_apiserver.admin import orders, views
from batteries_apiserver.admin.lookup import any_account
from batteries_apiserver.answer import json_answer, list_answer
from batteries_apiserver.app_keys import KUBE
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.events.views import event_view
from batteries_apiserver.instant import Instant
from batteries_apiserver.paging import PageQuery, links, page
from batteries_apiserver.query import read_query
from batteries_crds.names import EventStatus


class EventQuery(PageQuery):
    """Which events are wanted. Without all of it, every one."""

    status: Annotated[EventStatus | None, Field(description="Only these.")] = None
    since: Annotated[Instant | None, Field(description="Only those of this time and later.")] = None


async def list_accounts(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/admin/accounts: every account of every watched namespace, oldest first."""
    query = read_query(request, PageQuery)
    found = request.app[KUBE].caches.accounts.all()
    part, following = page(sorted((place_of(account), account) for account in found), query)
    accounts = [account for _, account in part]
    return await list_answer("accounts", accounts, views.admin_detail, links(request, query, following))


async def list_events(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/admin/events: what became of which step, of all accounts, newest last."""
    query = read_query(request, EventQuery)
    found = request.app[KUBE].caches.events.find(status=query.status, since=query.since, cursor=query.cursor)
    part = list(found if query.most is None else islice(found, query.most))
    more = next(found, None) is not None
    headers = links(request, query, part[-1][0] if part and more else None)
    return await list_answer("events", part, lambda entry: event_view(*entry[1]), headers)


async def suspend(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/suspend."""
    account = await any_account(request.app[KUBE], request.match_info["id"])
    return json_answer(views.ordered(await orders.suspend(request.app[KUBE], account, True)))


async def resume(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/resume."""
    account = await any_account(request.app[KUBE], request.match_info["id"])
    return json_answer(views.ordered(await orders.suspend(request.app[KUBE], account, False)))


async def retry(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/admin/accounts/{id}/retry."""
    account = await any_account(request.app[KUBE], request.match_info["id"])
    return json_answer(views.ordered(await orders.retry(request.app[KUBE], account)))
