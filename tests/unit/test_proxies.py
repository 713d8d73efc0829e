"""Each client that leaves the cluster honours the environment's proxy and certificate authorities."""

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from kubernetes.aio.client import ApiClient
from stripe import HTTPClient

from batteries_apiserver.billing.gateway import stripe_gateway
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.settings import Settings
from batteries_crds.kube.client import connect
from batteries_crds.runtime.environment import CA_FILES, prepare
from batteries_crds.runtime.listening import listening_socket
from batteries_operator.aws.caller import Caller
from batteries_operator.aws.errors import AwsError

HOST = "service.example.com"
"""Resolved by the proxy alone: whoever goes another way doesn't arrive."""


class Proxy:
    """An HTTP proxy that leads each tunnel to one server, whatever its name, and remembers what was asked for."""

    def __init__(self, port: int) -> None:
        self._to, self.port, self.asked = port, 0, []  # type: tuple[int, int, list[str]]
        self.wants: bytes | None = None
        """Whom it lets pass, name:password; None for everybody."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if self.wants is not None and b"authorization: basic " + base64.b64encode(self.wants) not in _lowered(head):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        self.asked.append(f"{method.decode()} {target.decode()}")
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_piped(reader, back), _piped(there, writer), return_exceptions=True)


def _lowered(head: bytes) -> bytes:
    """With the names of its headers in small letters, and the name of the scheme."""
    name, value = b"Proxy-Authorization: Basic ", b"proxy-authorization: basic "
    return head.replace(name, value).replace(name.lower(), value)


async def _piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(file := tmp_path / "ca.pem")
    return file


@pytest.fixture
async def proxy(authority: trustme.CA) -> AsyncIterator[Proxy]:
    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/v1/"):
            return web.json_response({"object": "list", "data": [], "has_more": False, "url": request.path})
        text = (
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account><Arn>a</Arn>"
            "<UserId>u</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        return web.Response(text=text, content_type="text/xml")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made = Proxy(runner.addresses[0][1])
    with listening_socket("", 0, "PORT") as both:
        server = await asyncio.start_server(made.handle, sock=both.dup())
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await runner.cleanup()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of this machine's own, nor of its network: and Stripe's library tries again without a pause."""

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).lower() == HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return machines_own(host, *rest, **more)

    machines_own = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    for name in (*CA_FILES, "SSL_CERT_DIR", "NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return monkeypatch


async def ask_stripe() -> None:
    """What the API server asks of Stripe."""
    settings = Settings(stripe_secret_key="sk_live_1", stripe_api_base=f"https://{HOST}")
    async with stripe_gateway(settings, _installation) as gateway:
        assert gateway is not None
        await gateway.standing("cus_1")


async def _installation() -> str:
    return "x"


async def ask_aws() -> None:
    """What the operator asks of AWS."""
    caller = Caller(1)
    try:
        client: Any = await caller.client("sts")
        assert (await caller.call("sts:GetCallerIdentity", client.get_caller_identity))["Account"] == "111111111111"
    finally:
        await caller.drain()


ASKING = {"stripe": ask_stripe, "aws": ask_aws}
FAILURES = (Unavailable, AwsError)


def set_up(environment: pytest.MonkeyPatch, proxy: Proxy, name: str, **more: str) -> None:
    """The environment as it is when one of the programs has begun."""
    environ = {name: f"http://127.0.0.1:{proxy.port}\n", "AWS_ENDPOINT_URL": f"https://{HOST}", **more}
    prepare(environ)
    for key, value in environ.items():
        environment.setenv(key, value)


@pytest.mark.parametrize("ca", CA_FILES)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("who", ASKING)
async def test_each_client_goes_by_the_proxy_and_trusts_the_authority(
    environment: pytest.MonkeyPatch, proxy: Proxy, ca_file: Path, who: str, name: str, ca: str
) -> None:
    set_up(environment, proxy, name, **{ca: f"{ca_file}\n"})
    await ASKING[who]()
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}


@pytest.mark.parametrize("where", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("who", ASKING)
async def test_a_proxy_may_ask_who_comes_and_be_named_by_any_address(
    environment: pytest.MonkeyPatch, proxy: Proxy, ca_file: Path, who: str, where: str
) -> None:
    proxy.wants = b"team:p@ss/w:rd"
    url = f"http://team:p%40ss%2Fw%3Ard@{where}:{proxy.port}"
    set_up(environment, proxy, "HTTPS_PROXY", SSL_CERT_FILE=str(ca_file), HTTPS_PROXY=url)
    await ASKING[who]()
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}


@pytest.mark.parametrize("who", ASKING)
async def test_without_the_authority_nothing_is_sent(environment: pytest.MonkeyPatch, proxy: Proxy, who: str) -> None:
    set_up(environment, proxy, "HTTPS_PROXY")
    with pytest.raises(FAILURES):
        await ASKING[who]()
    assert proxy.asked, "it went by the proxy, and did not believe who answered"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    "names", ["localhost,.example.com", "example.com", HOST, HOST.upper(), f"10.0.0.0/8, {HOST}", "*"]
)
@pytest.mark.parametrize("who", ASKING)
async def test_what_no_proxy_names_goes_straight(
    environment: pytest.MonkeyPatch, proxy: Proxy, ca_file: Path, who: str, names: str, name: str
) -> None:
    set_up(environment, proxy, "HTTPS_PROXY", SSL_CERT_FILE=str(ca_file), **{name: names})
    with pytest.raises(FAILURES):
        await ASKING[who]()
    assert proxy.asked == []


async def test_kubernetes_is_asked_straight_whatever_the_environment_names(
    environment: pytest.MonkeyPatch, proxy: Proxy, tmp_path: Path
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        environment.setenv(name, f"http://127.0.0.1:{proxy.port}")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "
        "'http://127.0.0.1:9'}}], users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}"
    )
    api: ApiClient = await connect(str(kubeconfig))
    async with api:
        with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
            await api.rest_client.request("GET", "http://127.0.0.1:9/version")
    assert proxy.asked == []
