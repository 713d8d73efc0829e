"""A sign-up, as far as it goes without Stripe."""

import asyncio

import pytest
import stripe
from fakes.api_world import Client, error_of

from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.sessions import NewSession
from batteries_crds.customer import CustomerSpec


def address_of(length: int) -> str:
    return "a" * (length - len("@example.com")) + "@example.com"


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "a b@c.de", "a@b.de\n\n@", "a@b..de", "x" * 300 + "@b.de", "a\0@b.de"]
)
async def test_what_is_no_email_address_is_refused_with_an_example(client: Client, email: str) -> None:
    response = await client.post("/v1/stripe/setup", json={"email": email})
    assert response.status == 400
    assert "team@example.com" in (await response.json())["error"]


async def test_an_email_address_that_no_customer_could_hold_is_refused_before_anybody_pays(client: Client) -> None:
    with pytest.raises(ValueError, match="at most 128 characters"):
        CustomerSpec(email=address_of(129))
    response = await client.post("/v1/stripe/setup", json={"email": address_of(129)})
    assert (response.status, await error_of(response)) == (400, "invalid_request")
    assert "use a shorter e-mail address" in (await response.json())["error"]


async def test_the_longest_email_address_of_a_customer_begins_a_sign_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def new_session(gateway: StripeGateway, email: str, **urls: str) -> NewSession:
        return NewSession(CustomerSpec(email=email).email, "https://checkout.example.com")

    monkeypatch.setattr(StripeGateway, "new_session", new_session)
    response = await client.post("/v1/stripe/setup", json={"email": address_of(128)})
    assert (response.status, (await response.json())["sessionId"]) == (200, address_of(128))


async def test_stripe_being_down_is_a_503_to_come_back_from(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.AIOHTTPClient, "sleep_async", lambda self, seconds: asyncio.sleep(0))
    response = await client.post("/v1/stripe/setup", json={"email": "a@example.com"})
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert await error_of(response) == "stripe_unavailable"


@pytest.mark.parametrize("session_id", ["x", "cs_", "cs_test_%2e%2e%2fcustomers", "cs_test_" + "a" * 300])
async def test_what_can_be_no_session_is_a_404_without_asking_stripe(client: Client, session_id: str) -> None:
    response = await client.get(f"/v1/stripe/session/{session_id}")
    assert response.status == 404
    assert await error_of(response) == "session_not_found"
