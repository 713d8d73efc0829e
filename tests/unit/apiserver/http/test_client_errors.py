"""What a client does wrong is the client's: a 4xx in the one shape, no error in the log, and no count of ours."""

import asyncio
import gzip
import logging
import socket
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import orjson
import pytest
import structlog
from aiohttp import web
from fakes.api_caches import settle
from kubernetes.aio.client import ApiClient, Configuration

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.http import request_log
from batteries_apiserver.http.content_encoding import ACCEPTED, decoded
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.malformed import Runner
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.runtime.metrics import REQUESTS
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer

LIMIT = 65_536
Head = tuple[int, dict[str, str], bytes]


pytestmark = pytest.mark.virtual_time


class Server:
    """The application as it runs, without Stripe, and raw connections to it, which need no network."""

    def __init__(self, accept: Callable[[], asyncio.Protocol], key: NewKey) -> None:
        self._accept, self.key = accept, key

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection: what one end writes the other can read at once, so that no clock goes on meanwhile."""
        ours, theirs = socket.socketpair()
        await asyncio.get_running_loop().connect_accepted_socket(self._accept, theirs)
        return await asyncio.open_connection(sock=ours)

    def post(self, path: str = "/v1/accounts", *headers: str, version: str = "1.1") -> bytes:
        """The head of a request with a key."""
        lines = [f"POST {path} HTTP/{version}", "Host: x", f"Authorization: Bearer {self.key.raw}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    async def send(self, raw: bytes, *, then: Callable[[asyncio.StreamWriter], None] | None = None) -> list[Head]:
        """All answers until the server closes the connection."""
        reader, writer = await self.connect()
        writer.write(raw)
        if then is not None:
            then(writer)
        answers = []
        try:
            async with asyncio.timeout(20):
                while head := await _head(reader):
                    body = await reader.readexactly(int(head[1].get("content-length", 0)))
                    answers.append((*head, body))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass  # closed, also where it had not read all
        finally:
            writer.close()
        return answers


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    pairs = (line.partition(": ") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    key = mint()

    @asynccontextmanager
    async def source(settings: Settings) -> AsyncIterator[Kube]:
        async with ApiClient(Configuration(host="http://127.0.0.1:9")) as api:
            kube = kube_of(api, settings)
            settle(kube.caches)
            spec = {"customerRef": {"name": "c"}, "keyPrefix": key.prefix, "keyHash": key.digest}
            metadata = {"name": key.prefix, "namespace": "n", "resourceVersion": "1", "uid": "u"}
            kube.caches.keys.put(ApiKey.model_validate({"metadata": metadata, "spec": spec}))
            payer = {"metadata": {**metadata, "name": "c"}, "spec": {"email": "a@example.com"}}
            kube.caches.customers.put(Customer.model_validate(payer | {"status": {"paymentMethod": "valid"}}))
            yield kube

    settings = Settings(namespace="n", admin_key_secret="", api_body_limit=LIMIT, api_request_seconds=0.4)
    runner = Runner(make_app(settings, source), access_log=None, keepalive_timeout=0.5, lingering_time=0.2)
    await runner.setup()
    for each in (REQUESTS.clear, request_log._meters.cache_clear):
        each()
    assert runner.server is not None
    yield Server(runner.server, key)
    await runner.cleanup()


def counted() -> set[tuple[str, str]]:
    """Statuses and faults that were counted."""
    samples = [sample for each in REQUESTS.collect() for sample in each.samples if sample.name.endswith("_total")]
    return {(sample.labels["status"], sample.labels["fault"]) for sample in samples}


def code(answer: Head) -> str:
    return str(orjson.loads(answer[2])["code"])


@pytest.fixture(autouse=True)
def _no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with structlog.testing.capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info] == []


@pytest.mark.parametrize("sent", [b"", b'{"githubRepos": '])
@pytest.mark.parametrize("header", ["Content-Length: 30", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_a_408_and_ends_the_connection(
    server: Server, header: str, sent: bytes
) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(sent), sent) if sent and header.startswith("T") else sent
    [answer] = await server.send(server.post("/v1/accounts", header) + chunk)
    assert (answer[0], code(answer)) == (408, "body_timeout")
    assert answer[1]["connection"] == "close"
    assert counted() == {("408", "caller")}


async def test_a_body_that_drips_for_ever_is_a_408_too(server: Server) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)

    dripping: list[asyncio.Task[None]] = []
    begun = asyncio.get_running_loop().time()
    answers = await server.send(
        server.post("/v1/accounts", "Content-Length: 60000"),
        then=lambda writer: dripping.append(asyncio.create_task(drip(writer))),
    )
    dripping[0].cancel()
    assert [answer[0] for answer in answers] == [408]
    assert asyncio.get_running_loop().time() - begun < 1


async def test_the_time_of_the_body_is_not_the_handlers(server: Server) -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(b"[]")

    waiting: list[asyncio.Task[None]] = []
    head = server.post("/v1/accounts", "Content-Length: 2", "Connection: close")
    [answer] = await server.send(head, then=lambda writer: waiting.append(asyncio.create_task(late(writer))))
    assert (answer[0], code(answer)) == (400, "invalid_json")


@pytest.mark.parametrize(
    "broken",
    [
        b"{}",
        b"\x1f\x8b\x08",
        gzip.compress(b"{}", mtime=0)[:-4],
        gzip.compress(b"{}", mtime=0) + b"x",
        gzip.compress(b"{}", mtime=0) * 2,
    ],
)
async def test_gzip_that_is_none_is_a_400(server: Server, broken: bytes) -> None:
    head = server.post("/v1/accounts", "Content-Encoding: gzip", f"Content-Length: {len(broken)}", "Connection: close")
    [answer] = await server.send(head + broken)
    assert (answer[0], code(answer)) == (400, "unreadable_body")
    assert counted() == {("400", "caller")}


@pytest.mark.parametrize("path", ["/v1/accounts", "/healthz", "/nope"])
async def test_a_broken_body_that_nobody_reads_is_nobodys_error(server: Server, path: str) -> None:
    raw = f"GET {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc".encode()
    assert [answer[0] for answer in await server.send(raw)] in ([401], [200], [404])


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "nonsense", "gzip;q=1"])
async def test_an_encoding_that_is_not_read_is_a_415_that_says_which_are(server: Server, encoding: str) -> None:
    head = server.post("/v1/accounts", f"Content-Encoding: {encoding}", "Content-Length: 2", "Connection: close")
    [answer] = await server.send(head + b"{}")
    assert (answer[0], code(answer), answer[1]["accept-encoding"]) == (415, "unsupported_encoding", ACCEPTED)
    assert counted() == {("415", "caller")}


RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_DEFLATE = RAW.compress(b"[]") + RAW.flush()
STORED = b"\x02\x00\xfd\xff[]"
"""The rest of a raw block that is not compressed; the upper five bits of its first byte mean nothing."""


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", b"[]"),
        ("", b"[]"),
        ("GZIP", gzip.compress(b"[]", mtime=0)),
        ("x-gzip", gzip.compress(b"[]", mtime=0)),
        ("identity, gzip", gzip.compress(b"[]", mtime=0)),
        ("deflate", zlib.compress(b"[]")),
        ("deflate", RAW_DEFLATE),
        *(("deflate", bytes([first]) + STORED) for first in (0x01, 0x09, 0x11, 0x19, 0xF9)),
    ],
)
async def test_encodings_that_are_read(server: Server, encoding: str, body: bytes) -> None:
    length = f"Content-Length: {len(body)}"
    head = server.post("/v1/accounts", f"Content-Encoding: {encoding}", length, "Connection: close")
    [answer] = await server.send(head + body)
    assert code(answer) == "invalid_json"
    assert b"object" in answer[2], "it was read, and is a list"


async def test_a_small_body_that_would_be_large_is_a_413(server: Server) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < LIMIT
    length = f"Content-Length: {len(bomb)}"
    [answer] = await server.send(
        server.post("/v1/accounts", "Content-Encoding: gzip", length, "Connection: close") + bomb
    )
    assert (answer[0], code(answer)) == (413, "body_too_large")
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        decoded(bomb, "gzip", LIMIT)
    assert decoded(gzip.compress(b" " * LIMIT), "gzip", LIMIT) == b" " * LIMIT
    with pytest.raises(BadRequest):
        decoded(b"\x1f\x8b", "gzip", LIMIT)


@pytest.mark.parametrize(("version", "goes_on"), [("1.1", True), ("1.0", False)])
async def test_only_who_speaks_http_1_1_is_told_to_go_on(server: Server, version: str, goes_on: bool) -> None:
    head = server.post(
        "/v1/accounts", "Expect: 100-continue", "Content-Length: 2", "Connection: close", version=version
    )
    answers = await server.send(head + b"[]")
    assert [answer[0] for answer in answers] == ([100, 400] if goes_on else [400])


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n{}\r\n", b"2\r\n{}", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx"],
)
@pytest.mark.parametrize("path", ["/v1/accounts", "/nope"])
async def test_broken_chunks_are_a_4xx(server: Server, path: str, body: bytes) -> None:
    def end(writer: asyncio.StreamWriter) -> None:
        writer.write_eof()

    answers = await server.send(server.post(path, "Transfer-Encoding: chunked") + body, then=end)
    assert all(400 <= answer[0] < 500 for answer in answers)
    assert {fault for _, fault in counted()} <= {"caller"}


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Content-Length: x",),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Transfer-Encoding: nonsense",),
        ("X-Long: " + "a" * 100_000,),
    ],
)
async def test_what_is_no_http_is_a_400(server: Server, headers: tuple[str, ...]) -> None:
    answers = await server.send(server.post("/v1/accounts", *headers) + b"{}")
    assert [(answer[0], code(answer)) for answer in answers] == [(400, "malformed_request")]


async def test_a_client_that_leaves_amid_its_body_is_no_error_of_ours(server: Server) -> None:
    _, writer = await server.connect()
    writer.write(server.post("/v1/accounts", "Content-Length: 30") + b"{")
    writer.close()
    async with asyncio.timeout(5):
        while not counted():
            await asyncio.sleep(0.02)
    assert {fault for _, fault in counted()} == {"caller"}


async def test_no_key_of_stripes_is_a_503_by_configuration(server: Server) -> None:
    body = b'{"email": "a@example.com"}'
    head = server.post("/v1/stripe/setup", f"Content-Length: {len(body)}", "Connection: close")
    [answer] = await server.send(head + body)
    assert (answer[0], code(answer)) == (503, "billing_not_configured")
    assert counted() == {("503", "configuration")}
