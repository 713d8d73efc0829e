"""kopf's connections to Kubernetes are ours: fenced, and decoding without the garbage collector."""

import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from batteries_crds.decoding import decoded
from batteries_operator.lease import NotLeadingError
from batteries_operator.login import session_of

LONG = json.dumps({"items": [{"metadata": {"labels": {}}, "status": {"conditions": [{}, {}]}}] * 10_000})


@contextmanager
def looks() -> Iterator[list[int]]:
    """The generations in which Python looked for garbage during the block."""
    generations: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            generations.append(details["generation"])

    gc.callbacks.append(note)
    try:
        yield generations
    finally:
        gc.callbacks.remove(note)


def test_nothing_is_collected_while_a_list_is_decoded() -> None:
    with looks() as found:
        plain = json.loads(LONG)
    assert len(found) > 10, "as it is without"
    with looks() as found:
        assert decoded(LONG) == plain
    assert found == []
    assert gc.isenabled()


def test_the_collector_is_as_it_was_where_decoding_fails_or_it_was_off() -> None:
    with pytest.raises(json.JSONDecodeError):
        decoded("{")
    assert gc.isenabled()
    gc.disable()
    try:
        assert decoded("[1]") == [1]
        assert not gc.isenabled()
    finally:
        gc.enable()


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
            assert found == []
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
