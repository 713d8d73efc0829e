"""A real kube-apiserver with our CRDs, once per run; a fresh namespace for each test; and sign-up with a Stripe."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, unused_port
from fakes.until import until
from kubernetes.aio.client import ApiClient

from batteries_apiserver.app import make_app
from batteries_apiserver.billing.context import BILLING, Billing
from batteries_apiserver.billing.events import SUBSCRIBED
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.kube.client import Resources, connect
from batteries_sandbox import binaries, control_plane
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.paths import Ports, free_port_base
from batteries_sandbox.stripe import StripeSettings, serve

Client = TestClient[web.Request, web.Application]
EMAIL = "owner@example.com"


@dataclass(frozen=True)
class TestCluster(Cluster):
    """The cluster as its administrator, with namespaces on request."""

    __test__ = False

    def namespace(self) -> str:
        """A fresh namespace."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        self.create_namespace(name)
        return name


@pytest.fixture(scope="session")
def background() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread, for processes that outlive a test's own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()


@pytest.fixture(scope="session")
def cluster(background: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """The running cluster."""
    folder: Path = tmp_path_factory.mktemp("controlplane")
    logs = folder / "logs"
    logs.mkdir()
    programs = binaries.provide()
    starting = control_plane.start(programs, folder / "data", Ports(free_port_base()), logs)
    plane = asyncio.run_coroutine_threadsafe(starting, background).result(timeout=120)
    running = TestCluster(programs.kubectl, plane.kubeconfig)
    running.install_crds()
    yield running
    for part in (plane.kube, plane.etcd):
        asyncio.run_coroutine_threadsafe(part.stop(), background).result(timeout=30)


@dataclass(frozen=True)
class World:
    """The API, Stripe with its webhooks aimed at the API, and Kubernetes."""

    api: ApiClient
    namespace: str
    client: Client
    stripe_url: str
    http: aiohttp.ClientSession

    @property
    def app(self) -> web.Application:
        """The application that is served."""
        return self.client.server.app  # type: ignore[attr-defined]

    @property
    def billing(self) -> Billing:
        """What the application's billing handlers work with."""
        return self.app[BILLING]

    until = staticmethod(until)

    async def setup(self) -> str:
        """Begins a sign-up; the session's id."""
        response = await self.client.post("/v1/stripe/setup", json={"email": EMAIL})
        assert response.status == 200, await response.text()
        answer = await response.json()
        assert answer.keys() == {"sessionId", "url", "cost"}
        return str(answer["sessionId"])

    async def stripe(self, method: str, path: str, **data: str) -> dict[str, Any]:
        """A request to the stand-in: its own tools under /_standin, Stripe's API under /v1."""
        headers = {"Authorization": "Bearer sk_test_sandbox"}
        async with self.http.request(method, self.stripe_url + path, data=data or None, headers=headers) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    async def complete(self, session_id: str) -> str:
        """Pays; the customer's id in Stripe."""
        session = await self.stripe("POST", f"/_standin/sessions/{session_id}/complete")
        return str(session["customer"])

    async def fetch(self, session_id: str) -> aiohttp.ClientResponse:
        """Asks for the key."""
        return await self.client.get(f"/v1/stripe/session/{session_id}")

    async def ask_for_an_account(self, key: str) -> int:
        """The status of the answer."""
        headers = {"Authorization": f"Bearer {key}"}
        return (await self.client.post("/v1/accounts", headers=headers)).status

    async def known(self) -> list[tuple[Any, ...]]:
        """What is known of each Customer, whenever Stripe was asked for it last."""
        every = [(one.metadata.name, one.spec, one.status) for one in await self.customers()]
        return [(*who, status.payment_method, status.payment_method_since) for *who, status in every]

    async def customers(self) -> list[Customer]:
        """Every Customer there is."""
        return [item async for item in Resources(self.api, Customer, "test").all(self.namespace)]

    async def keys(self) -> list[ApiKey]:
        """Every customer's ApiKey."""
        every = Resources(self.api, ApiKey, "test").all(self.namespace)
        return [item async for item in every if item.spec.customer_ref is not None]

    async def payment_is(self, wanted: PaymentMethod | None) -> bool:
        """Whether the one customer's payment method is that."""
        found = await self.customers()
        return (found[0].status.payment_method if found else None) is wanted

    async def until_payment_is(self, wanted: PaymentMethod | None) -> None:
        """Waits for it."""
        await self.until(lambda: self.payment_is(wanted))

    async def until_all_delivered(self) -> None:
        """Waits until each webhook that was begun has arrived."""

        async def delivered() -> bool:
            shown = (await self.stripe("GET", "/_standin/deliveries"))["deliveries"]
            return bool(shown) and all(one["state"] == "delivered" for one in shown)

        await self.until(delivered)


OpenWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def open_world(
    cluster: TestCluster, aiohttp_client: Callable[..., Awaitable[Client]]
) -> AsyncIterator[OpenWorld]:
    """Opens a world, with other settings than usual where a test names them."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: Any) -> World:
            namespace, port = cluster.namespace(), unused_port()
            stand_in = StripeSettings(
                webhook_url=f"http://127.0.0.1:{port}/v1/stripe/callback",
                webhook_events=frozenset(SUBSCRIBED),
                retry_delays=(0.1,) * 20,
            )
            stripe_url = await stack.enter_async_context(serve(stand_in))
            api = await stack.enter_async_context(await connect(str(cluster.kubeconfig)))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            usual = {
                "kubeconfig": str(cluster.kubeconfig),
                "namespace": namespace,
                "stripe_secret_key": stand_in.secret_key,
                "stripe_test_mode": True,
                "stripe_webhook_secret": stand_in.webhook_secret,
                "stripe_api_base": stripe_url,
            }
            client = await aiohttp_client(make_app(Settings(**{**usual, **settings})), server_kwargs={"port": port})
            world = World(api, namespace, client, stripe_url, http)

            async def is_ready() -> bool:
                return world.app[KUBE].unready_reason is None

            await world.until(is_ready)
            return world

        yield opened


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    """A world with the usual settings: sign-ups save a card."""
    return await open_world()
