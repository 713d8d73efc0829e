"""Events of the Stripe stand-in and their delivery, received as the product receives them: verified by the library."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe
from aiohttp import ClientSession, web

from batteries_sandbox.stripe import StripeSettings, serve

SECRET = "whsec_test"
DEADLINE = 5.0


@dataclass
class Receiver:
    """A webhook endpoint that verifies what arrives, and answers with the statuses it is told to."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    events: list[stripe.Event] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        event = stripe.Webhook.construct_event(await request.read(), request.headers["Stripe-Signature"], SECRET)
        self.events.append(event)
        self.arrived.set()
        return web.Response(status=self.answers.pop(0) if self.answers else 200, headers={"Location": "/elsewhere"})

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Where a redirect leads: nobody may count this as delivered."""
        return web.Response()

    def of(self, kind: str) -> list[stripe.Event]:
        return [event for event in self.events if event.type == kind]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not reached():
                self.arrived.clear()
                await self.arrived.wait()


@dataclass
class Sandbox:
    """A stand-in with a receiver, seen through the library and through its tools."""

    url: str
    client: stripe.StripeClient
    http: ClientSession
    receiver: Receiver

    async def tool(self, method: str, path: str, **form: Any) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/_standin/{path}", data=form or None) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def session(self, **params: Any) -> stripe.checkout.Session:
        wanted: Any = {"mode": "setup", "currency": "usd", "success_url": "https://merchant.example/", **params}
        return await self.client.v1.checkout.sessions.create_async(wanted)

    async def deliveries_until(self, reached: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Asks the stand-in itself; it has no signal to wait on."""
        async with asyncio.timeout(DEADLINE):
            while True:
                found: list[dict[str, Any]] = (await self.tool("GET", "deliveries"))["deliveries"]
                if reached(found):
                    return found
                await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/stripe/callback", receiver.handle)
    app.router.add_get("/elsewhere", receiver.elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/stripe/callback"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def sandbox(**settings: Any) -> AsyncIterator[Sandbox]:
    async with receiving() as receiver, ClientSession() as http:
        chosen = {"webhook_url": receiver.url, "webhook_secret": SECRET, "retry_delays": (0.02, 0.04, 0.08), **settings}
        async with serve(StripeSettings(**chosen)) as url:
            library_http = stripe.AIOHTTPClient()
            client = stripe.StripeClient("sk_test_sandbox", http_client=library_http, base_addresses={"api": url})
            yield Sandbox(url, client, http, receiver)
            await library_http.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with sandbox() as box:
        yield box


async def test_completed_checkout_tells_its_whole_story(box: Sandbox) -> None:
    session = await box.session(customer_creation="always", customer_email="ada@example.com", metadata={"name": "Zoë"})
    await box.tool("POST", f"sessions/{session.id}/complete")
    await box.receiver.until(lambda: len(box.receiver.events) == 4)
    kinds = {event.type for event in box.receiver.events}
    assert kinds == {
        "customer.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    }
    event = box.receiver.of("checkout.session.completed")[0]
    completed: Any = event.data.object
    assert (completed.id, completed.status, completed.url) == (session.id, "complete", None)
    assert completed.metadata["name"] == "Zoë"
    assert completed.customer == box.receiver.of("customer.created")[0].data.object["id"]
    assert (event.object, event.api_version, event.livemode) == ("event", stripe.api_version, False)
    assert event.pending_webhooks == 1


async def test_snapshot_does_not_follow_the_object(box: Sandbox) -> None:
    customer = await box.client.v1.customers.create_async({"name": "Ada"})
    await box.client.v1.customers.update_async(customer.id, {"name": "Bob"})
    created = (await box.client.v1.events.list_async({"type": "customer.created"})).data[0]
    updated = (await box.client.v1.events.list_async({"type": "customer.updated"})).data[0]
    assert (created.data.object["name"], updated.data.object["name"]) == ("Ada", "Bob")
    assert updated.data.previous_attributes is not None
    assert updated.data.previous_attributes.to_dict() == {"name": "Ada"}


async def test_event_names_the_request_that_made_it(box: Sandbox) -> None:
    customer = await box.client.v1.customers.create_async({}, {"idempotency_key": "key-1"})
    await box.receiver.until(lambda: len(box.receiver.events) == 1)
    request = box.receiver.events[0].request
    assert customer.last_response is not None
    assert request is not None
    assert (request.id, request.idempotency_key) == (customer.last_response.request_id, "key-1")


async def test_detached_card_is_named_with_its_former_customer(box: Sandbox) -> None:
    customer = await box.client.v1.customers.create_async({"email": "ada@example.com"})
    session = await box.session(customer=customer.id)
    await box.tool("POST", f"sessions/{session.id}/complete")
    method = (await box.client.v1.customers.payment_methods.list_async(customer.id)).data[0]
    await box.client.v1.payment_methods.detach_async(method.id)
    await box.receiver.until(lambda: bool(box.receiver.of("payment_method.detached")))
    data = box.receiver.of("payment_method.detached")[0].data
    assert (data.object["id"], data.object["customer"]) == (method.id, None)
    assert data.previous_attributes is not None
    assert data.previous_attributes.to_dict() == {"customer": customer.id}


async def test_deleted_customer_is_announced_and_its_cards_are_not(box: Sandbox) -> None:
    customer = await box.client.v1.customers.create_async({"email": "ada@example.com"})
    session = await box.session(customer=customer.id)
    await box.tool("POST", f"sessions/{session.id}/complete")
    await box.client.v1.customers.delete_async(customer.id)
    await box.receiver.until(lambda: bool(box.receiver.of("customer.deleted")))
    assert box.receiver.of("customer.deleted")[0].data.object["email"] == "ada@example.com"
    listed = await box.client.v1.events.list_async({"type": "payment_method.detached"})
    assert listed.data == []


@pytest.mark.parametrize("how", ["asked", "by_itself"])
async def test_expired_session_is_announced_once(box: Sandbox, how: str) -> None:
    session = await box.session()
    if how == "asked":
        await box.client.v1.checkout.sessions.expire_async(session.id)
    await box.tool("POST", "clock/advance", seconds=24 * 60 * 60)
    await box.receiver.until(lambda: bool(box.receiver.of("checkout.session.expired")))
    found = (await box.client.v1.events.list_async({"type": "checkout.session.expired"})).data
    assert [event.data.object["id"] for event in found] == [session.id]
    assert found[0].data.object["url"] is None


async def test_only_what_the_endpoint_asked_for_is_sent(box: Sandbox) -> None:
    await box.session()
    await box.client.v1.customers.create_async({})
    await box.receiver.until(lambda: bool(box.receiver.events))
    assert [event.type for event in box.receiver.events] == ["customer.created"]
    assert [event.type for event in (await box.client.v1.events.list_async()).data] == [
        "customer.created",
        "setup_intent.created",
    ]


@pytest.mark.parametrize("failure", [500, 400, 302])
async def test_failed_delivery_is_tried_again_until_it_succeeds(box: Sandbox, failure: int) -> None:
    box.receiver.answers = [failure, failure]
    await box.client.v1.customers.create_async({})
    found = await box.deliveries_until(lambda found: found[0]["state"] == "delivered")
    assert (found[0]["tries"], found[0]["last_status"], found[0]["type"]) == (3, 200, "customer.created")
    assert len({event.id for event in box.receiver.events}) == 1
    assert len(box.receiver.events) == 3
    assert (await box.client.v1.events.retrieve_async(found[0]["event"])).pending_webhooks == 0


async def test_delivery_is_given_up_after_the_last_try(box: Sandbox) -> None:
    box.receiver.answers = [500] * 10
    await box.client.v1.customers.create_async({})
    found = await box.deliveries_until(lambda found: found[0]["state"] == "given_up")
    assert (found[0]["tries"], found[0]["last_status"]) == (4, 500)
    undelivered = await box.client.v1.events.list_async({"delivery_success": False})
    assert [event.id for event in undelivered.data] == [found[0]["event"]]


async def test_nobody_listening_is_a_failure_like_another(unused_tcp_port: int) -> None:
    async with sandbox(webhook_url=f"http://127.0.0.1:{unused_tcp_port}/") as box:
        await box.client.v1.customers.create_async({})
        found = await box.deliveries_until(lambda found: found[0]["state"] == "given_up")
        assert (found[0]["tries"], found[0]["last_status"]) == (4, None)
        assert found[0]["last_error"]


async def test_paused_webhooks_come_late(box: Sandbox) -> None:
    assert (await box.tool("POST", "deliveries/pause"))["paused"] is True
    customer = await box.client.v1.customers.create_async({})
    found = await box.deliveries_until(lambda found: len(found) == 1)
    assert (found[0]["state"], found[0]["tries"], box.receiver.events) == ("pending", 0, [])
    assert (await box.tool("POST", "deliveries/resume"))["paused"] is False
    await box.receiver.until(lambda: bool(box.receiver.events))
    assert box.receiver.events[0].data.object["id"] == customer.id


async def test_redelivered_event_is_the_same_event(box: Sandbox) -> None:
    await box.client.v1.customers.create_async({})
    await box.receiver.until(lambda: len(box.receiver.events) == 1)
    await box.tool("POST", f"events/{box.receiver.events[0].id}/redeliver")
    await box.receiver.until(lambda: len(box.receiver.events) == 2)
    first, second = box.receiver.events
    assert first.to_dict() == second.to_dict()


async def test_without_a_url_there_are_events_and_no_deliveries() -> None:
    async with sandbox(webhook_url=None) as box:
        await box.client.v1.customers.create_async({})
        events = (await box.client.v1.events.list_async({"types": ["customer.*"]})).data
        assert [event.pending_webhooks for event in events] == [0]
        assert (await box.tool("GET", "deliveries"))["deliveries"] == []
        answer = await box.tool("POST", f"events/{events[0].id}/redeliver")
        assert "no webhook URL" in answer["error"]["message"]


async def test_stand_in_ends_with_deliveries_under_way() -> None:
    async with asyncio.timeout(DEADLINE), sandbox(retry_delays=(3600.0,)) as box:
        box.receiver.answers = [500]
        await box.client.v1.customers.create_async({})
        await box.receiver.until(lambda: len(box.receiver.events) == 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
