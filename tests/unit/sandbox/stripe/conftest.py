"""A Stripe stand-in for each test, and the real stripe library that talks to it."""

from collections.abc import AsyncIterator

import pytest
import stripe

from batteries_sandbox.stripe import StripeSettings, serve


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve(StripeSettings()) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.AIOHTTPClient()
    yield stripe.StripeClient("sk_test_sandbox", http_client=http, base_addresses={"api": url}, max_network_retries=0)
    await http.close_async()  # type: ignore[no-untyped-call]
