"""kopf's connections to Kubernetes are ours: fenced, and decoding without the garbage collector."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.collector import LONG, looks

from batteries_operator.controller.login import session_of
from batteries_operator.runtime.leader_election import NotLeadingError


def refuse() -> None:
    raise NotLeadingError("no more")


@asynccontextmanager
async def kubernetes() -> AsyncIterator[TestServer]:
    """It answers all that is asked: /accounts with a long list, /broken with no JSON, /proxy with a page."""

    async def answer(request: web.Request) -> web.Response:
        texts = {
            "/accounts": (LONG, "application/json"),
            "/broken": ("{", "application/json"),
            "/proxy": ("<html>", "text/html"),
        }
        text, kind = texts.get(request.path, ('{"kind": "Status"}', "application/json"))
        return web.Response(text=text, content_type=kind)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    server = TestServer(app)
    async with server:
        yield server


async def test_a_session_decodes_so_and_fails_as_kopf_expects_it() -> None:
    async with kubernetes() as server, session_of(kopf.ConnectionInfo(server=str(server.make_url("/"))), None) as ours:
        async with ours.get(server.make_url("/accounts")) as answer:
            await answer.read()
            with looks() as found:
                assert len((await answer.json())["items"]) == 10_000
            assert len(found) <= 1, "one that was due when it was done"
        async with ours.patch(server.make_url("/")) as answer:
            assert (await answer.json())["kind"] == "Status", "no fence, no refusal"
        for path, error in (("/broken", json.JSONDecodeError), ("/proxy", aiohttp.ContentTypeError)):
            async with ours.get(server.make_url(path)) as answer:
                with pytest.raises(error):
                    await answer.json()


async def test_behind_the_fence_reads_pass_and_writes_do_not() -> None:
    info = kopf.ConnectionInfo(server="http://kubernetes.invalid")
    async with kubernetes() as server, session_of(info, refuse) as ours:
        async with ours.get(server.make_url("/")) as answer:
            assert answer.status == 200
        with pytest.raises(NotLeadingError):
            await ours.patch(server.make_url("/"))
