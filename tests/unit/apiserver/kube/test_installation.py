"""Several installations on one Stripe account: each knows its own checkouts, and no other's."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import stripe
from kubernetes.aio.client import ApiException

from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.kube.installation import Installation, NoInstallationError
from batteries_crds.customer import PaymentReason
from batteries_sandbox.stripe import StripeSettings, serve

PRICE = "price_standin_monthly"
KEY = "sk_test_sandbox"
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Shared:
    """One Stripe account, and gateways to it."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http
        self.client = stripe.StripeClient(
            KEY, http_client=stripe.AIOHTTPClient(session=http), base_addresses={"api": url}
        )

    def gateway(self, name: str, price: str | None = None) -> StripeGateway:
        async def installation() -> str:
            return name

        return StripeGateway(
            self.client, "whsec_1", price, livemode=False, installation=installation, success_url=_back(name)
        )

    async def completed(self, gateway: StripeGateway, name: str) -> tuple[str, str]:
        """A session that somebody completed, and the customer that it made."""
        begun = await gateway.new_session("a@example.com", success_url=_back(name), cancel_url="https://x.example")
        return begun.session_id, await self.complete(begun.session_id)

    async def complete(self, session_id: str) -> str:
        async with self.http.post(f"{self.url}/_standin/sessions/{session_id}/complete", headers=HEADERS) as response:
            return str((await response.json())["customer"])


def _back(name: str) -> str:
    return f"https://{name}.example.com/checkout/complete?session_id={{CHECKOUT_SESSION_ID}}"


@pytest.fixture
async def shared() -> AsyncIterator[Shared]:
    async with serve(StripeSettings(secret_key=KEY)) as url, aiohttp.ClientSession() as http:
        yield Shared(url, http)


@pytest.mark.parametrize("price", [None, PRICE], ids=["card", "subscription"])
async def test_a_checkout_earns_a_key_where_it_was_begun_and_nowhere_else(shared: Shared, price: str | None) -> None:
    staging, production = shared.gateway("staging", price), shared.gateway("production", price)
    session, _ = await shared.completed(staging, "staging")
    assert await staging.completed_session(session) is not None
    assert await production.completed_session(session) is None


async def test_a_checkout_of_the_release_before_counts_where_its_browser_comes_back_to(shared: Shared) -> None:
    """That release marked the product alone; whoever paid while the new one was rolled out still gets the key."""
    session = await shared.client.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "customer_creation": "always",
            "currency": "usd",
            "customer_email": "a@example.com",
            "success_url": _back("staging"),
            "cancel_url": "https://x.example",
            "metadata": {"created_by": "ai-batteries-included"},
        }
    )
    await shared.complete(session.id)
    assert await shared.gateway("staging").completed_session(session.id) is not None
    assert await shared.gateway("production").completed_session(session.id) is None


@pytest.mark.parametrize(
    "marks", [{}, {"installation": "staging"}, {"created_by": "another", "installation": "staging"}]
)
async def test_a_checkout_of_another_shop_is_not_ours(shared: Shared, marks: dict[str, str]) -> None:
    session = await shared.client.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "customer_creation": "always",
            "currency": "usd",
            "customer_email": "a@example.com",
            "success_url": _back("staging"),
            "cancel_url": "https://x.example",
            "metadata": marks,
        }
    )
    await shared.complete(session.id)
    assert await shared.gateway("staging").completed_session(session.id) is None


async def test_a_subscription_that_another_installation_sold_pays_nothing_here(shared: Shared) -> None:
    _, customer = await shared.completed(shared.gateway("staging", PRICE), "staging")
    assert (await shared.gateway("staging", PRICE).standing(customer)).can_pay is True
    other = await shared.gateway("production", PRICE).standing(customer)
    assert (other.can_pay, other.reason) == (False, PaymentReason.NO_SUBSCRIPTION)


# --- its name


class Rest:
    """Answers with a namespace, or refuses."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    async def json(self, method: str, path: str) -> Any:
        self.asked += 1
        assert (method, path) == ("GET", "/api/v1/namespaces/batteries")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def installation(answer: Any, given: str = "") -> tuple[Installation, Rest]:
    rest: Any = Rest(answer)
    return Installation(rest, "batteries", given), rest


async def test_by_default_it_is_the_namespaces_uid_asked_for_once() -> None:
    made, rest = installation({"metadata": {"uid": "u-1"}})
    assert [await made.name() for _ in range(3)] == ["u-1"] * 3
    assert rest.asked == 1


async def test_a_name_that_is_set_needs_no_permission() -> None:
    made, rest = installation(ApiException(status=403), given="staging")
    assert await made.required() == "staging"
    assert rest.asked == 0


@pytest.mark.parametrize("status", [403, 404])
async def test_where_it_may_not_be_read_the_program_does_not_start_and_says_why(status: int) -> None:
    made, _ = installation(ApiException(status=status))
    with pytest.raises(NoInstallationError, match="BATTERIES_INSTALLATION"):
        await made.required()
    with pytest.raises(Unavailable):
        await made.name()


@pytest.mark.parametrize("error", [ApiException(status=500), OSError("no route"), TimeoutError()])
async def test_while_kubernetes_is_away_it_is_asked_again(error: Exception) -> None:
    made, rest = installation(error)
    with pytest.raises(Unavailable):
        await made.name()
    rest.answer = {"metadata": {"uid": "u-1"}}
    assert await made.name() == "u-1"
