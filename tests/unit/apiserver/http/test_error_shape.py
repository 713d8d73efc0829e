"""One dialect: every error of every route, of no route and of no HTTP at all has the one JSON shape.

The routes are the table's, so a new one is held to this without a line here. Kubernetes and Stripe are away: what a
route can't do for want of them is an error like any other, and must be one that its entry in the table names.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from aiohttp import web
from fakes.api_caches import settle
from kubernetes.aio.client import ApiClient, Configuration
from multidict import CIMultiDict

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.http.error_codes import ERRORS
from batteries_apiserver.http.malformed import Runner
from batteries_apiserver.http.route import Access, Route
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer

NOWHERE = "http://127.0.0.1:9"
"""Port 9 (discard) takes no connections."""
SOME_ID = "5b8a54a8-1111-4c11-8a11-0123456789ab"
SECRET = "aib_00000000_hunter2"

Answer = tuple[int, "CIMultiDict[str]", bytes]


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


class Server:
    """The application as it runs, with a customer's and an administrator's key and nothing behind it."""

    def __init__(self, port: int, keys: dict[Access, NewKey]) -> None:
        self.port, self.keys = port, keys

    def authorized(self, route: Route) -> dict[str, str]:
        """The header that lets a caller in."""
        return {"Authorization": f"Bearer {self.keys[route.access].raw}"} if route.access in self.keys else {}

    async def ask(self, method: str, path: str, headers: dict[str, str], data: bytes | None = None) -> Answer:
        """An answer to a request as a client sends it; of one without an end, its beginning."""
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{self.port}{path}"
            async with http.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
                body = await response.read() if response.status >= 400 else b""
                return response.status, CIMultiDict(response.headers), body

    async def send(self, raw: bytes) -> Answer:
        """The answer to bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().splitlines()
            headers = CIMultiDict(_pair(line) for line in head[1:] if line)
            return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    keys = {Access.KEY: mint(), Access.ADMIN: mint()}

    @asynccontextmanager
    async def source(settings: Settings) -> AsyncIterator[Kube]:
        async with ApiClient(Configuration(host=NOWHERE)) as api:
            kube = kube_of(api, settings)
            settle(kube.caches)
            for access, key in keys.items():
                owner = {"role": "admin"} if access is Access.ADMIN else {"customerRef": {"name": "c"}}
                spec = {**owner, "keyPrefix": key.prefix, "keyHash": key.digest}
                metadata = {"name": key.prefix, "namespace": "n", "resourceVersion": "1", "uid": key.prefix}
                metadata["creationTimestamp"] = "2026-11-24T08:00:00Z"
                kube.caches.keys.put(ApiKey.model_validate({"metadata": metadata, "spec": spec}))
            metadata = {"name": "c", "namespace": "n", "resourceVersion": "1", "uid": "c"}
            payer = {"metadata": metadata, "spec": {"email": "a@example.com"}, "status": {"paymentMethod": "valid"}}
            kube.caches.customers.put(Customer.model_validate(payer))
            yield kube

    settings = Settings(
        namespace="n",
        stripe_secret_key="sk_test_x",
        stripe_test_mode=True,
        stripe_webhook_secret="whsec_x",
        stripe_api_base=NOWHERE,
        admin_key_secret="",
    )
    runner = Runner(make_app(settings, source), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield Server(runner.addresses[0][1], keys)
    await runner.cleanup()


def code_of(answer: Answer) -> str:
    """The code of an error, once all of the shape is right."""
    status, headers, body = answer
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-Id"]
    error = orjson.loads(body)
    assert error.keys() == {"error", "code"}
    assert len(error["error"]) > 10
    assert error["error"].endswith((".", ">'."))
    assert ERRORS[error["code"]].status == status, error
    if status == 401:
        reasons = {"missing_api_key": None, "misplaced_api_key": None, "not_an_admin_key": "insufficient_scope"}
        reason = reasons.get(error["code"], "invalid_token")
        told = "" if reason is None else f', error="{reason}"'
        assert headers["WWW-Authenticate"] == 'Bearer realm="AI Batteries Included"' + told
    if status in (429, 503):
        assert int(headers["Retry-After"]) > 0
    if status == 405:
        assert headers["Allow"]
    return str(error["code"])


def path_of(route: Route, value: str = SOME_ID) -> str:
    return route.path.replace("{id}", value)


def wrong_requests(route: Route) -> Iterator[tuple[str, dict[str, str], bytes | None]]:
    """Path, headers and body of what may go wrong with a route, by a caller who is let in."""
    json = {"Content-Type": "application/json"}
    for value in (
        ("x", SOME_ID, "cs_test_" + "a" * 40, "%00", "%ff", "..%2f", "é" * 300) if "{" in route.path else ("",)
    ):
        yield path_of(route, value), {}, b"{}" if route.body else None
    if route.body or route.method != "GET":
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'"\xff"',
            b"[" * 5000,
            b"\x00",
            b'{"githubRepos": 1, "name": 1, "email": 1}',
        ):
            yield path_of(route), json, body
        yield path_of(route), json, b" " * 600_000
        yield path_of(route), {"Content-Encoding": "gzip"}, b"no gzip"
        yield path_of(route), {"Content-Encoding": "br"}, b"{}"
        yield path_of(route), {"Content-Type": "text/xml; charset=nonsense"}, b"<x/>"
    for query in ("?status=x&since=x&limit=x&cursor=x", "?limit=-1", "?limit=1&limit=x", "?cursor=%00%ff", "?%ff=%ff"):
        yield path_of(route) + query, {}, b"{}" if route.body else None
    for name in {given.name for given in route.parameters if given.where == "header"}:
        for value in ("x" * 6000, '"', "é", "wait=nonsense", "-1", ","):
            yield path_of(route), {name: value}, b"{}" if route.body else None
    yield path_of(route), {"Expect": "miracles"}, b"{}" if route.body else None


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_whatever_goes_wrong_is_in_the_one_shape_and_in_the_table(server: Server, route: Route) -> None:
    seen = set()
    for path, headers, body in wrong_requests(route):
        answer = await server.ask(route.method, path, {**server.authorized(route), **headers}, body)
        if answer[0] >= 400:
            seen.add(code_of(answer))
    unlisted = seen - {*route.codes, "not_found"}
    assert not unlisted, f"{route} returned codes that its `errors` lacks: {unlisted}"
    assert "internal_error" not in seen
    assert "expectation_failed" in seen
    if route.body:
        assert {"invalid_json", "unreadable_body", "unsupported_encoding", "body_too_large"} <= seen


API = [one for one in ROUTES if one.refuses_unknown]
SAMPLES = {"githubRepos": ["a/b"], "name": "CI", "email": "a@example.com", "token": "x", "accountLimit": 3}
"""A valid value of each field that a body may need."""


def filled(route: Route) -> dict[str, Any]:
    """A valid body of the route."""
    assert route.body is not None
    fields = {field.alias or name: field for name, field in route.body.model_fields.items()}
    return {name: SAMPLES[name] for name, field in fields.items() if field.is_required()}


async def sentence_of(server: Server, route: Route, query: str = "", body: bytes | None = None) -> tuple[str, str]:
    """Code and sentence of the answer, which must be a 400."""
    answer = await server.ask(route.method, path_of(route) + query, server.authorized(route), body)
    assert answer[0] == 400, (str(route), query, body, answer)
    return code_of(answer), orjson.loads(answer[2])["error"]


@pytest.mark.parametrize("route", API, ids=str)
async def test_a_parameter_that_a_route_does_not_have_is_refused_by_name(server: Server, route: Route) -> None:
    known = [field.alias or name for name, field in route.query.model_fields.items()] if route.query else []
    body = orjson.dumps(filled(route)) if route.body else None
    code, sentence = await sentence_of(server, route, "?verbose=1", body)
    assert code == "unknown_parameter"
    assert "verbose" in sentence
    assert all(name in sentence for name in known)
    for name in known:
        assert (await sentence_of(server, route, f"?{name.upper()}=1", body))[0] == "unknown_parameter"
        assert f"did you mean {name}?" in (await sentence_of(server, route, f"?{name.upper()}=1", body))[1]
        code, sentence = await sentence_of(server, route, f"?{name}=1&{name}=1", body)
        assert (code, sentence) == ("invalid_request", f"The parameter {name} is given twice; give it once.")


@pytest.mark.parametrize("route", [one for one in API if one.method != "GET"], ids=str)
async def test_a_field_that_a_route_does_not_have_is_refused_by_name(server: Server, route: Route) -> None:
    fields = filled(route) if route.body else {}
    names = [field.alias or name for name, field in route.body.model_fields.items()] if route.body else []
    values: tuple[object, ...] = (50, None, "main", {"a": 1}, [])
    for value in values:
        code, sentence = await sentence_of(server, route, body=orjson.dumps({**fields, "budgetUsd": value}))
        assert code == "unknown_field"
        assert "budgetUsd" in sentence
        assert all(name in sentence for name in names), "also without the fields that are required"
    assert (await sentence_of(server, route, body=b'{"budgetUsd": 50}'))[0] == "unknown_field"
    for field, name in zip(route.body.model_fields if route.body else (), names, strict=True):
        for wrong in {name.lower(), name.upper(), field} - {name}:
            code, sentence = await sentence_of(server, route, body=orjson.dumps({**fields, wrong: 1}))
            assert (code, f"did you mean {name}?" in sentence) == ("unknown_field", True), sentence
        twice = b'{"%b": "a", "%b": "b"}' % (name.encode(), name.encode())
        assert (await sentence_of(server, route, body=twice))[1] == f"The field {name} is given twice; give it once."


async def test_what_others_add_to_the_addresses_of_pages_is_let_through(server: Server) -> None:
    for path in ("/checkout/complete?session_id=cs_test_1&utm_source=stripe", "/confirm-email?mc_cid=1", "/docs?x"):
        assert (await server.ask("GET", path, {}))[0] == 200
    for path in ("/healthz?verbose", "/llms.txt?v=1"):
        assert (await server.ask("GET", path, {}))[0] == 200
    answer = await server.ask("POST", "/v1/stripe/callback?bypass=1", {}, b'{"id": "evt_1", "of": "Stripe"}')
    assert code_of(answer) == "invalid_signature"


async def test_a_change_without_a_body_takes_an_empty_one_and_an_empty_object(server: Server) -> None:
    [route] = [one for one in ROUTES if str(one) == "POST /v1/admin/customers/{id}/unblock"]
    for body in (None, b"", b" ", b"{}"):
        answer = await server.ask(route.method, path_of(route), server.authorized(route), body)
        assert code_of(answer) == "unavailable", "it got as far as Kubernetes, which is away"


@pytest.mark.parametrize("route", [one for one in ROUTES if one.access is not Access.ANYONE], ids=str)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic eDp5", f"Bearer {SECRET}", "Bearer é", "Bearer \xff"])
async def test_whoever_has_no_key_gets_401_before_anything_is_read(
    server: Server, route: Route, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await server.ask(route.method, path_of(route, "x"), headers, b"{" if route.body else None)
    assert answer[0] == 401
    assert code_of(answer) in route.codes


@pytest.mark.parametrize("route", [one for one in ROUTES if one.access is Access.ADMIN], ids=str)
async def test_a_customers_key_opens_nothing_for_administrators(server: Server, route: Route) -> None:
    headers = {"Authorization": f"Bearer {server.keys[Access.KEY].raw}"}
    answer = await server.ask(route.method, path_of(route, "x"), headers, b"{" if route.body else None)
    # The contract names 401 alone for one of them, and its clients know no other status there.
    only_401 = str(route) == "GET /v1/admin/accounts"
    assert (answer[0], code_of(answer)) == ((401, "not_an_admin_key") if only_401 else (403, "admin_key_required"))
    assert 'error="insufficient_scope"' in answer[1]["WWW-Authenticate"]


@pytest.mark.parametrize("route", [one for one in ROUTES if one.access is Access.KEY], ids=str)
async def test_an_administrators_key_opens_nothing_that_is_a_customers(server: Server, route: Route) -> None:
    headers = {"Authorization": f"Bearer {server.keys[Access.ADMIN].raw}"}
    answer = await server.ask(route.method, path_of(route, "x"), headers, b"{" if route.body else None)
    assert (answer[0], code_of(answer)) == (403, "customer_key_required")


@pytest.mark.parametrize(
    ("headers", "query", "part"),
    [
        ({"Authorization": "KEY"}, "", "without the word Bearer"),
        ({"Authorization": "Token KEY"}, "", "the scheme Token"),
        ({"Authorization": "ApiKey KEY"}, "", "the scheme ApiKey"),
        ({"Authorization": "Basic eDpLRVk="}, "", "the scheme Basic"),
        ({"Authorization": "x-KEY x"}, "", "another scheme"),
        ({"X-Api-Key": "KEY"}, "", "The header X-Api-Key is not read."),
        ({"Api-Key": "KEY"}, "", "The header Api-Key is not read."),
        ({"Cookie": "key=KEY"}, "", "Cookies are not read."),
        ({}, "?api_key=KEY", "A key in the address is not read"),
        ({}, "?access_token=KEY", "A key in the address is not read"),
        ({}, "?anything=KEY", "A key in the address is not read"),
    ],
)
async def test_a_key_in_the_wrong_place_is_told_the_right_one_and_not_sent_back(
    server: Server, headers: dict[str, str], query: str, part: str
) -> None:
    raw = server.keys[Access.KEY].raw
    headers = {name: value.replace("KEY", raw) for name, value in headers.items()}
    for route in (one for one in ROUTES if one.access is not Access.ANYONE):
        answer = await server.ask(route.method, path_of(route) + query.replace("KEY", raw), headers)
        assert (answer[0], code_of(answer)) == (401, "misplaced_api_key")
        sentence = orjson.loads(answer[2])["error"]
        assert part in sentence
        assert "'Authorization: Bearer aib_…'" in sentence
        assert raw[4:12] not in str(answer), "not even a part of the key"


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
async def test_every_other_method_is_a_405_that_says_which_are_right(server: Server, path: str) -> None:
    right = {route.method for route in ROUTES if route.path == path}
    wrong = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - right
    for method in wrong:
        answer = await server.ask(method, path.replace("{id}", SOME_ID), {})
        assert code_of(answer) == "method_not_allowed", method
        assert right <= set(answer[1]["Allow"].split(", "))
        assert all(each in orjson.loads(answer[2])["error"] for each in right)
        assert '</llms.txt>; rel="service-doc"' in answer[1]["Link"]


@pytest.mark.parametrize(
    "path",
    ["/v1/", "//", "/v2/accounts", "/v1/accounts/", "/v1//accounts", "/%ff%00", "/v1/accounts/a/b/c", "/.env"],
)
async def test_what_is_not_there_is_a_404_whatever_is_asked_of_it(server: Server, path: str) -> None:
    for method in ("GET", "POST", "PROPFIND"):
        answer = await server.ask(method, path, {})
        assert code_of(answer) == "not_found"
        assert "GET /llms.txt." in orjson.loads(answer[2])["error"]
        assert '</v1/openapi.json>; rel="service-desc"' in answer[1]["Link"]
    assert code_of(await server.ask("POST", path, {"Expect": "miracles"})) == "expectation_failed"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/accounts HTTP/9\r\n\r\n",
        b"GET /v1/accounts HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v1/accounts HTTP/1.1\r\nAuthorization: Bearer " + SECRET.encode() + b"\x00\r\n\r\n",
        b"GET /v1/accounts HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/accounts HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/accounts HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/accounts HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /v1/accounts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://[/v1 HTTP/1.1\r\n\r\n",
    ],
    ids=range(12),
)
async def test_what_is_no_http_is_answered_in_the_one_shape_and_not_quoted_in_the_log(
    server: Server, raw: bytes
) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await server.send(raw)
    assert code_of(answer) in {"malformed_request", "missing_api_key"}
    assert SECRET not in str(lines)


async def test_a_chunk_that_is_none_is_a_400(server: Server) -> None:
    head = b"POST /v1/stripe/setup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert code_of(await server.send(head + b"zz\r\n{}\r\n0\r\n\r\n")) in {"malformed_request", "unreadable_body"}


async def test_the_log_never_quotes_a_key(server: Server, caplog: Any, capfd: Any) -> None:
    """Not aiohttp's own log either, which is the standard library's."""
    await server.send(b"GET / HTTP/1.1\r\nAuthorization: Bearer " + SECRET.encode() + b"\x00\r\n\r\n")
    await server.send(b"Authorization: Bearer " + SECRET.encode() + b"\r\n\r\n")
    assert SECRET not in caplog.text + "".join(capfd.readouterr())
