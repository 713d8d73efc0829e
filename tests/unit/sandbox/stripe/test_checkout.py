"""The hosted checkout page of the Stripe stand-in: a person's browser on one side, the stripe library on the other."""

import typing
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest
import stripe
from aiohttp import ClientResponse, ClientSession

SUCCESS_URL = "https://merchant.example/done?session={CHECKOUT_SESSION_ID}&x=%7BCHECKOUT_SESSION_ID%7D"
CARD = {"cardNumber": "4242 4242 4242 4242", "cardExpiry": "12 / 34", "cardCvc": "123", "billingName": "Ada L."}


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession() as browser:
        yield browser


async def create(client: stripe.StripeClient, **params: Any) -> stripe.checkout.Session:
    wanted: Any = {"mode": "setup", "currency": "usd", "success_url": SUCCESS_URL, **params}
    return await client.v1.checkout.sessions.create_async(params=wanted)


async def again(client: stripe.StripeClient, session: stripe.checkout.Session) -> stripe.checkout.Session:
    return await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["customer", "setup_intent.payment_method"]}
    )


async def pay(browser: ClientSession, session: stripe.checkout.Session, **fields: str) -> tuple[ClientResponse, str]:
    assert session.url
    form = {**CARD, "email": "ada@example.com", **fields}
    async with browser.post(session.url, data=form, allow_redirects=False) as response:
        return response, await response.text()


class Page(HTMLParser):
    """The inputs and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input":
            self.inputs[str(found["name"])] = found
        self.addresses += [str(found[name]) for name in ("src", "href", "action") if name in found]


async def test_page_asks_for_a_card_and_loads_nothing(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client, customer_email="ada@example.com", cancel_url="https://merchant.example/?a=1&b=2")
    async with browser.get(str(session.url)) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Cache-Control"] == "no-store"
        page = Page(await response.text())
    assert set(page.inputs) == {"email", "cardNumber", "cardExpiry", "cardCvc", "billingName"}
    assert page.inputs["email"]["value"] == "ada@example.com"
    assert "readonly" in page.inputs["email"]
    assert page.addresses == ["https://merchant.example/?a=1&b=2"]


async def test_page_escapes_what_it_was_given(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client, cancel_url='https://merchant.example/"><script>alert(1)</script>')
    _, text = await pay(browser, session, cardCvc="", email='"><script>x', billingName="<script>y")
    assert "<script" not in text


async def test_saved_card_redirects_to_the_literal_only(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client)
    response, _ = await pay(browser, session)
    assert response.status == 303
    expected = f"https://merchant.example/done?session={session.id}&x=%7BCHECKOUT_SESSION_ID%7D"
    assert response.headers["Location"] == expected


async def test_customer_creation_always_makes_the_owner_of_the_card(
    client: stripe.StripeClient, browser: ClientSession
) -> None:
    session = await create(client, customer_creation="always")
    await pay(browser, session)
    session = await again(client, session)
    customer = typing.cast("stripe.Customer", session.customer)
    intent = typing.cast("stripe.SetupIntent", session.setup_intent)
    method = typing.cast("stripe.PaymentMethod", intent.payment_method)
    assert (session.status, session.url) == ("complete", None)
    assert (customer.email, customer.name) == ("ada@example.com", "Ada L.")
    assert (intent.status, intent.customer, method.customer) == ("succeeded", customer.id, customer.id)
    assert session.customer_details is not None
    assert (session.customer_details.email, session.customer_details.name) == ("ada@example.com", "Ada L.")
    assert method.card is not None
    assert (method.card.brand, method.card.last4, method.card.exp_month, method.card.exp_year) == (
        "visa",
        "4242",
        12,
        2034,
    )


async def test_without_customer_creation_the_card_belongs_to_nobody(
    client: stripe.StripeClient, browser: ClientSession
) -> None:
    session = await create(client)
    await pay(browser, session)
    session = await again(client, session)
    method = typing.cast("Any", session.setup_intent).payment_method
    assert (session.status, session.customer, method.customer) == ("complete", None, None)


async def test_given_customer_gets_the_card_and_a_missing_email(
    client: stripe.StripeClient, browser: ClientSession
) -> None:
    customer = await client.v1.customers.create_async({})
    await pay(browser, await create(client, customer=customer.id))
    methods = await client.v1.customers.payment_methods.list_async(customer.id)
    assert [method.customer for method in methods.data] == [customer.id]
    assert (await client.v1.customers.retrieve_async(customer.id)).email == "ada@example.com"


async def test_known_email_can_not_be_changed_by_the_form(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client, customer_email="ada@example.com", customer_creation="always")
    await pay(browser, session, email="mallory@example.com")
    customer = typing.cast("stripe.Customer", (await again(client, session)).customer)
    assert customer.email == "ada@example.com"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4111111111111111", "test mode"),
    ],
)
async def test_declined_card_shows_why_and_leaves_the_session_open(
    client: stripe.StripeClient, browser: ClientSession, number: str, sentence: str
) -> None:
    session = await create(client, customer_creation="always")
    response, text = await pay(browser, session, cardNumber=number)
    assert response.status == 402
    assert sentence in text
    session = await again(client, session)
    intent = typing.cast("stripe.SetupIntent", session.setup_intent)
    assert (session.status, session.customer, intent.status) == ("open", None, "requires_payment_method")
    assert intent.last_setup_error is not None
    assert (await pay(browser, session))[0].status == 303
    assert typing.cast("Any", (await again(client, session)).setup_intent).last_setup_error is None


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"cardNumber": "4242424242424241"}, 402, "card number is incorrect"),
        ({"cardNumber": ""}, 402, "card number is incomplete"),
        ({"cardNumber": "4242-4242-4242-424x"}, 402, "card number is incorrect"),
        ({"cardExpiry": "12/20"}, 402, "expiration date is in the past"),
        ({"cardExpiry": "13/34"}, 402, "expiration month is invalid"),
        ({"cardExpiry": "soon"}, 402, "expiration date is incomplete"),
        ({"cardCvc": "12"}, 402, "security code is incomplete"),
        ({"email": "ada"}, 400, "Invalid email address"),
    ],
)
async def test_nonsense_never_reaches_the_setup_intent(
    client: stripe.StripeClient, browser: ClientSession, fields: dict[str, str], status: int, sentence: str
) -> None:
    session = await create(client)
    response, text = await pay(browser, session, **fields)
    assert (response.status, sentence in text.replace("&#x27;", "'")) == (status, True)
    session = await again(client, session)
    assert session.status == "open"
    assert typing.cast("stripe.SetupIntent", session.setup_intent).last_setup_error is None


async def test_session_is_paid_once(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client, customer_creation="always")
    assert (await pay(browser, session))[0].status == 303
    assert (await pay(browser, session))[0].status == 410
    assert len((await client.v1.customers.list_async()).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        await client.v1.checkout.sessions.expire_async(session.id)


async def test_customer_deleted_meanwhile_gets_no_card(client: stripe.StripeClient, browser: ClientSession) -> None:
    customer = await client.v1.customers.create_async({"email": "ada@example.com"})
    session = await create(client, customer=customer.id)
    await client.v1.customers.delete_async(customer.id)
    response, text = await pay(browser, session)
    assert (response.status, "No such customer" in text) == (400, True)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"


async def test_expired_session_takes_no_card(client: stripe.StripeClient, browser: ClientSession) -> None:
    session = await create(client)
    await client.v1.checkout.sessions.expire_async(session.id)
    async with browser.get(str(session.url)) as response:
        assert (response.status, "expired" in await response.text()) == (410, True)
    assert (await pay(browser, session))[0].status == 410


async def test_unknown_session_has_no_page(browser: ClientSession, url: str) -> None:
    async with browser.get(f"{url}/c/pay/cs_test_nothing") as response:
        assert (response.status, response.content_type) == (404, "text/html")


async def test_tool_completes_as_a_person_would(client: stripe.StripeClient, browser: ClientSession, url: str) -> None:
    session = await create(client, customer_creation="always")
    tool = f"{url}/_standin/sessions/{session.id}/complete"
    async with browser.post(tool, data={"email": "eve@example.com"}) as response:
        assert (response.status, (await response.json())["status"]) == (200, "complete")
    assert typing.cast("stripe.Customer", (await again(client, session)).customer).email == "eve@example.com"
    async with browser.post(tool) as response:
        assert response.status == 410
