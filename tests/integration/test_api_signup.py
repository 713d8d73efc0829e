"""Sign-up on a real kube-apiserver and the stateful Stripe stand-in: from an e-mail address to a key, once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, unused_port
from kubernetes.aio.client import ApiClient

from batteries_apiserver.app import make_app
from batteries_apiserver.app_keys import BILLING, KUBE
from batteries_apiserver.billing.context import Billing
from batteries_apiserver.billing.customers import Customers, name_of
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.client import Resources, connect
from batteries_crds.customer import Customer, PaymentMethod
from batteries_sandbox.stripe import StripeSettings, serve

Client = TestClient[web.Request, web.Application]
EMAIL = "owner@example.com"


class Cluster(Protocol):
    """What the `cluster` fixture gives."""

    kubeconfig: Any

    def namespace(self) -> str: ...


class World:
    """The API, Stripe with its webhooks aimed at the API, and Kubernetes."""

    def __init__(self, api: ApiClient, namespace: str, client: Client, stripe_url: str, http: Any) -> None:
        self.api, self.namespace, self.client, self.stripe_url, self.http = api, namespace, client, stripe_url, http

    @property
    def billing(self) -> Billing:
        """What the application's billing handlers work with."""
        return self.client.server.app[BILLING]  # type: ignore[attr-defined, no-any-return]

    async def setup(self) -> str:
        response = await self.client.post("/v1/stripe/setup", json={"email": EMAIL})
        assert response.status == 200, await response.text()
        answer = await response.json()
        assert answer.keys() == {"sessionId", "url"}
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
        return await self.client.get(f"/v1/stripe/session/{session_id}")

    async def customers(self) -> list[Customer]:
        return [item async for item in Resources(self.api, Customer, "test").all(self.namespace)]

    async def keys(self) -> list[ApiKey]:
        return [item async for item in Resources(self.api, ApiKey, "test").all(self.namespace)]

    async def payment(self) -> PaymentMethod | None:
        found = await self.customers()
        return found[0].status.payment_method if found else None


@pytest.fixture
async def world(cluster: Cluster, aiohttp_client: Callable[..., Awaitable[Client]]) -> AsyncIterator[World]:
    namespace, port = cluster.namespace(), unused_port()
    stand_in = StripeSettings(webhook_url=f"http://127.0.0.1:{port}/v1/stripe/callback", retry_delays=(0.1,) * 20)
    async with (
        serve(stand_in) as stripe_url,
        await connect(str(cluster.kubeconfig)) as api,
        aiohttp.ClientSession() as http,
    ):
        settings = Settings(
            kubeconfig=str(cluster.kubeconfig),
            namespace=namespace,
            stripe_secret_key=stand_in.secret_key,
            stripe_webhook_secret=stand_in.webhook_secret,
            stripe_api_base=stripe_url,
            admin_key_secret="",
        )
        client = await aiohttp_client(make_app(settings), server_kwargs={"port": port})
        made = World(api, namespace, client, stripe_url, http)
        await until(lambda: _is_ready(client))
        yield made


async def _is_ready(client: Client) -> bool:
    return (await client.get("/readyz")).status == 200


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.02)


async def test_a_completed_checkout_earns_a_key_that_may_ask_for_an_account(world: World) -> None:
    session_id = await world.setup()
    await world.complete(session_id)
    response = await world.fetch(session_id)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    answer = await response.json()
    assert answer.keys() == {"customerId", "email", "apiKey", "message"}
    assert answer["email"] == EMAIL
    [customer] = await world.customers()
    assert customer.metadata.name == answer["customerId"]
    assert customer.status.payment_method is PaymentMethod.VALID
    headers = {"Authorization": f"Bearer {answer['apiKey']}"}
    assert (await world.client.post("/v1/accounts", headers=headers)).status == 202


async def test_nothing_is_stored_before_a_checkout_completes(world: World) -> None:
    session_id = await world.setup()
    assert (await world.fetch(session_id)).status == 404
    assert await world.customers() == []
    assert await world.keys() == []


async def test_of_twenty_who_ask_at_once_one_gets_the_key(world: World) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    await world.complete(session_id)
    answers = await asyncio.gather(*(world.fetch(session_id) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 19
    assert len(await world.keys()) == 1
    assert len(await world.customers()) == 1
    assert (await world.fetch(session_id)).status == 404


async def test_the_key_comes_without_the_webhook_and_the_late_webhook_changes_nothing(world: World) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    await world.complete(session_id)
    assert (await world.fetch(session_id)).status == 200
    [before] = await world.customers()
    await world.stripe("POST", "/_standin/deliveries/resume")
    await until(lambda: _all_delivered(world))
    assert await world.customers() == [before]


async def test_the_webhook_alone_makes_the_customer_and_no_key(world: World) -> None:
    await world.complete(await world.setup())
    await until(lambda: _payment_is(world, PaymentMethod.VALID))
    assert await world.keys() == []


async def test_an_event_that_comes_twice_does_nothing_the_second_time(world: World) -> None:
    await world.complete(await world.setup())
    await until(lambda: _all_delivered(world))
    before = await world.customers()
    events = (await world.stripe("GET", "/v1/events?type=checkout.session.completed"))["data"]
    await world.stripe("POST", f"/_standin/events/{events[0]['id']}/redeliver")
    await until(lambda: _all_delivered(world))
    assert await world.customers() == before


async def test_a_card_taken_away_means_402_until_there_is_another(world: World) -> None:
    session_id = await world.setup()
    stripe_customer = await world.complete(session_id)
    key = (await (await world.fetch(session_id)).json())["apiKey"]
    cards = (await world.stripe("GET", f"/v1/customers/{stripe_customer}/payment_methods"))["data"]
    await world.stripe("POST", f"/v1/payment_methods/{cards[0]['id']}/detach")
    await until(lambda: _payment_is(world, PaymentMethod.MISSING))

    async def refused() -> bool:
        headers = {"Authorization": f"Bearer {key}"}
        return (await world.client.post("/v1/accounts", headers=headers)).status == 402

    await until(refused)


async def test_a_customer_deleted_in_stripe_can_pay_no_more(world: World) -> None:
    stripe_customer = await world.complete(await world.setup())
    await until(lambda: _payment_is(world, PaymentMethod.VALID))
    await world.stripe("DELETE", f"/v1/customers/{stripe_customer}")
    await until(lambda: _payment_is(world, PaymentMethod.MISSING))


async def test_events_in_the_wrong_order_end_in_what_is_so(world: World) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    stripe_customer = await world.complete(await world.setup())
    cards = (await world.stripe("GET", f"/v1/customers/{stripe_customer}/payment_methods"))["data"]
    await world.stripe("POST", f"/v1/payment_methods/{cards[0]['id']}/detach")
    # Both wait, and now race: the checkout's completion is told of last or first, and the card is gone all the same.
    await world.stripe("POST", "/_standin/deliveries/resume")
    await until(lambda: _all_delivered(world))
    assert await world.payment() is PaymentMethod.MISSING


async def test_an_answer_of_stripe_that_was_overtaken_is_not_written(world: World) -> None:
    kube = world.client.server.app[KUBE]  # type: ignore[attr-defined]
    live = Resources(world.api, Customer, "test")
    name = name_of("cus_1")
    await live.create(world.namespace, {"metadata": {"name": name}, "spec": {"email": EMAIL}})

    class Overtaken:
        """Says that there is a card, and while it says so another replica learns and writes that it is gone."""

        asked = 0

        async def can_pay(self, customer_id: str) -> bool:
            self.asked += 1
            if self.asked > 1:
                return False
            await live.merge_status(world.namespace, name, {"status": {"paymentMethod": "missing"}})
            return True

    gateway = Overtaken()
    settled = await Customers(kube, gateway).settle("cus_1", email=None)  # type: ignore[arg-type]
    assert gateway.asked == 2
    assert settled is not None
    assert (await live.get(world.namespace, name)).status.payment_method is PaymentMethod.MISSING


async def test_a_session_that_is_not_young_earns_no_key(world: World) -> None:
    session_id = await world.setup()
    await world.complete(session_id)
    settings = world.billing.settings.model_copy(update={"key_retrieval_seconds": -1})
    object.__setattr__(world.billing, "settings", settings)
    assert (await world.fetch(session_id)).status == 404
    assert await world.keys() == []


async def test_a_session_of_another_shop_earns_no_key(world: World) -> None:
    foreign = await world.stripe(
        "POST",
        "/v1/checkout/sessions",
        mode="setup",
        customer_creation="always",
        success_url="https://shop.example.com",
        **{"allowed_payment_method_types[0]": "card"},
    )
    await world.complete(foreign["id"])
    assert (await world.fetch(foreign["id"])).status == 404
    await until(lambda: _all_delivered(world))
    assert await world.customers() == []


async def test_an_unknown_session_is_a_404(world: World) -> None:
    assert (await world.fetch("cs_test_nobodyknowsthisone")).status == 404


async def test_a_session_id_never_reaches_the_log(world: World) -> None:
    with structlog.testing.capture_logs() as lines:
        session_id = await world.setup()
        await world.complete(session_id)
        answer = await (await world.fetch(session_id)).json()
        await world.fetch(session_id)
        await until(lambda: _all_delivered(world))
    assert any(line["event"] == "key_handed_over" for line in lines)
    assert session_id not in str(lines)
    assert answer["apiKey"] not in str(lines)


async def _payment_is(world: World, wanted: PaymentMethod) -> bool:
    return await world.payment() is wanted


async def _all_delivered(world: World) -> bool:
    shown = await world.stripe("GET", "/_standin/deliveries")
    return bool(shown["deliveries"]) and all(one["state"] == "delivered" for one in shown["deliveries"])
