"""Every request that we make of Stripe, by the real library, checked by stripe-mock against Stripe's own schema.

stripe-mock is of the schema that it was built with, and says so in no answer; where Stripe has moved on since, the
difference is named here with its reason, and a test holds that it is the only one.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from batteries_apiserver.billing.gateway import StripeGateway, stripe_gateway
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.settings import Settings
from batteries_sandbox import stripe_mock

NEWER_THAN_THE_MOCK = {
    # Replaced payment_method_types in API 2026-09-30.endive, which refuses the old name:
    # https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions
    "allowed_payment_method_types[0]": "payment_method_types[0]",
}
SESSION = "cs_test_a1b2c3d4e5f6g7h8"
CUSTOMER = "cus_NffrFeUfNV2Hib"
PRICE = "price_1MoBy5LkdIwHu7ixZhnattbh"


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """stripe-mock's address."""
    program = stripe_mock.provide()
    port = unused_port()
    process = subprocess.Popen([str(program), "-http-addr", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


class Between:
    """Stands between the library and stripe-mock: writes requests down, and translates what the mock is too old for."""

    def __init__(self, mock: str) -> None:
        self.mock, self.translates = mock, True
        self.seen: list[tuple[str, str, list[tuple[str, str]]]] = []
        self.refusals: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        form = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        self.seen.append((request.method, request.path, form))
        if self.translates:
            form = [(NEWER_THAN_THE_MOCK.get(name, name), value) for name, value in form]
        headers = {"Authorization": request.headers["Authorization"]}
        async with (
            aiohttp.ClientSession() as http,
            http.request(request.method, self.mock + request.path_qs, data=form or None, headers=headers) as answer,
        ):
            if answer.status != 200:
                self.refusals.append(await answer.text())
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")


async def _installation() -> str:
    return "test"


class World:
    """Our gateway, talking to stripe-mock through `between`."""

    def __init__(self, between: Between, gateway: StripeGateway) -> None:
        self.between, self.gateway = between, gateway

    async def sign_up(self) -> None:
        await self.gateway.new_session(
            "ada@example.com",
            success_url="https://api.example.com/ok?s={CHECKOUT_SESSION_ID}",
            cancel_url="https://a.b/",
        )


@pytest.fixture(params=[None, PRICE], ids=["setup", "subscription"])
async def world(mock: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    between = Between(mock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", between.handle)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app))
        async with asyncio.timeout(20):
            while not await _answers(mock):
                await asyncio.sleep(0.05)
        settings = Settings(
            stripe_secret_key="sk_test_123",
            stripe_test_mode=True,
            stripe_webhook_secret="whsec_x",
            stripe_price_id=request.param,
            stripe_api_base=str(server.make_url("")),
        )
        gateway = await stack.enter_async_context(stripe_gateway(settings, _installation))
        assert gateway is not None
        yield World(between, gateway)


async def test_every_request_of_ours_is_one_that_stripes_schema_takes(world: World) -> None:
    # The mock's canned session has no url, and is refused for it once Stripe took the request.
    with suppress(Unavailable):
        await world.sign_up()
    await world.gateway.completed_session(SESSION)
    await world.gateway.standing(CUSTOMER)
    assert world.between.refusals == []
    asked = {(method, path) for method, path, _ in world.between.seen}
    wanted = {
        ("POST", "/v1/checkout/sessions"),
        ("GET", f"/v1/checkout/sessions/{SESSION}"),
        ("GET", f"/v1/customers/{CUSTOMER}/payment_methods"),
    }
    if world.gateway._price_id is not None:
        wanted |= {("GET", "/v1/subscriptions"), ("GET", "/v1/charges")}
    assert asked == wanted


async def test_the_mock_refuses_nothing_but_what_is_newer_than_it(world: World) -> None:
    world.between.translates = False
    with pytest.raises(Unavailable):
        await world.sign_up()
    [refusal] = world.between.refusals
    assert "additional properties are not allowed" in refusal
    [(_, _, form)] = world.between.seen
    assert {name for name, _ in form} & NEWER_THAN_THE_MOCK.keys() == NEWER_THAN_THE_MOCK.keys()


async def test_the_mock_does_check(mock: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk_test_123"}) as http:
        for wrong in ({"mode": "gift"}, {"colour": "red"}, {"line_items[0][quantity]": "many"}):
            async with http.post(f"{mock}/v1/checkout/sessions", data=wrong) as answer:
                assert answer.status == 400, wrong


async def _answers(mock: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(mock) as answer:
            return answer.status > 0
    except aiohttp.ClientError:
        return False
