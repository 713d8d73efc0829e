"""Checkout Sessions of the Stripe stand-in, asked for by the real stripe library."""

import typing
from typing import Any

import pytest
import stripe
from aiohttp import ClientSession

SUCCESS_URL = "https://merchant.example/done?session={CHECKOUT_SESSION_ID}"
SETUP: dict[str, Any] = {"mode": "setup", "currency": "usd", "success_url": SUCCESS_URL}


async def create(client: stripe.StripeClient, **params: Any) -> stripe.checkout.Session:
    wanted = {name: value for name, value in {**SETUP, **params}.items() if value is not None}
    return await client.v1.checkout.sessions.create_async(params=wanted)  # type: ignore[arg-type]


async def refusal(client: stripe.StripeClient, **params: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await create(client, **params)
    assert refused.value.http_status == 400
    return refused.value


async def advance(url: str, seconds: int) -> int:
    async with (
        ClientSession() as http,
        http.post(f"{url}/_standin/clock/advance", data={"seconds": seconds}) as response,
    ):
        return int((await response.json())["now"])


async def test_new_session_is_open_and_needs_no_payment(client: stripe.StripeClient, url: str) -> None:
    session = await create(
        client, client_reference_id="ref-1", metadata={"plan": "free"}, cancel_url="https://merchant.example/cancel"
    )
    assert session.id.startswith("cs_test_")
    assert (session.object, session.mode, session.status) == ("checkout.session", "setup", "open")
    assert (session.payment_status, session.livemode, session.customer) == ("no_payment_required", False, None)
    assert session.url == f"{url}/c/pay/{session.id}"
    assert (session.client_reference_id, session.success_url) == ("ref-1", SUCCESS_URL)
    assert session.cancel_url == "https://merchant.example/cancel"
    assert session.metadata is not None
    assert session.metadata["plan"] == "free"
    assert session.expires_at == session.created + 24 * 60 * 60


@pytest.mark.parametrize("kind", ["session", "setup_intent", "payment_method", "customer"])
async def test_objects_have_the_fields_of_the_librarys_classes(
    client: stripe.StripeClient, url: str, kind: str
) -> None:
    session = await create(client, customer_creation="always")
    async with ClientSession() as http:
        await http.post(f"{url}/_standin/sessions/{session.id}/complete")
    session = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["customer", "setup_intent.payment_method"]}
    )
    intent: Any = session.setup_intent
    shown, declared = {
        "session": (session, stripe.checkout.Session),
        "setup_intent": (intent, stripe.SetupIntent),
        "payment_method": (intent.payment_method, stripe.PaymentMethod),
        "customer": (session.customer, stripe.Customer),
    }[kind]
    fields = {name for name in declared.__annotations__ if not name.startswith("_")} - {"OBJECT_NAME"}
    never_null = {name for name in fields if type(None) not in typing.get_args(declared.__annotations__[name])}
    given = dict(typing.cast("Any", shown).to_dict())
    assert set(given) <= fields
    assert {name for name, value in given.items() if value is not None} >= never_null


async def test_setup_intent_is_there_before_anybody_paid(client: stripe.StripeClient) -> None:
    session = await create(client, setup_intent_data={"description": "A card", "metadata": {"k": "v"}})
    assert isinstance(session.setup_intent, str)
    intent = await client.v1.setup_intents.retrieve_async(session.setup_intent)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.description == "A card"
    assert intent.metadata is not None
    assert intent.metadata["k"] == "v"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"mode": None}, "parameter_missing", "mode"),
        ({"mode": "gift"}, None, "mode"),
        ({"mode": "payment"}, "standin_not_implemented", "mode"),
        ({"ui_mode": "embedded_page"}, "standin_not_implemented", "ui_mode"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),  # the name before API 2026
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"success_url": ""}, "parameter_invalid_empty", "success_url"),
        ({"success_url": "merchant.example/done"}, "url_invalid", "success_url"),
        ({"cancel_url": "/cancel"}, "url_invalid", "cancel_url"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"currency": "doubloons"}, None, "currency"),
        ({"allowed_payment_method_types": ["cash"]}, None, "allowed_payment_method_types[0]"),
        ({"allowed_payment_method_types": ["paypal"]}, None, "allowed_payment_method_types"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"setup_intent_data": {"colour": "red"}}, "parameter_unknown", "setup_intent_data[colour]"),
        ({"setup_intent_data": {"on_behalf_of": "a"}}, "standin_not_implemented", "setup_intent_data[on_behalf_of]"),
        ({"line_items": [{"price": "p", "quantity": 1}]}, None, "line_items"),
        ({"payment_method_collection": "always"}, None, "payment_method_collection"),
        ({"billing_address_collection": "auto"}, "standin_not_implemented", "billing_address_collection"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"customer_email": "ada"}, "email_invalid", "customer_email"),
        ({"customer_email": ""}, "parameter_invalid_empty", "customer_email"),
        ({"customer_creation": "sometimes"}, None, "customer_creation"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"metadata": {"x" * 41: "v"}}, None, "metadata"),
        ({"metadata": {"k": "x" * 501}}, None, "metadata[k]"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
        ({"setup_intent_data": {"metadata": {"x" * 41: "v"}}}, None, "setup_intent_data[metadata]"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
async def test_refused(client: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str) -> None:
    error = await refusal(client, **params)
    assert (error.code, error.param) == (code, param)
    assert error.user_message


async def test_limits_themselves_are_allowed(client: stripe.StripeClient) -> None:
    metadata = {f"{n:040}": "x" * 500 for n in range(50)}
    session = await create(client, metadata=metadata, client_reference_id="x" * 200)
    assert session.metadata is not None
    assert session.metadata.to_dict() == metadata


async def test_several_unknown_parameters_are_all_named(client: stripe.StripeClient) -> None:
    error = await refusal(client, colour="red", size="xl")
    assert error.user_message == "Received unknown parameters: colour, size"


async def test_allowed_types_stand_in_for_the_currency(client: stripe.StripeClient) -> None:
    session = await create(client, currency=None, allowed_payment_method_types=["card"])
    assert (session.currency, session.payment_method_types) == (None, ["card"])


async def test_customer_excludes_customer_email_and_creation(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({"email": "ada@example.com"})
    error = await refusal(client, customer=customer.id, customer_email="ada@example.com")
    assert error.user_message == "You may only specify one of these parameters: customer, customer_email."
    assert (await refusal(client, customer=customer.id, customer_creation="always")).param == "customer"


async def test_deleted_customer_is_refused(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({})
    await client.v1.customers.delete_async(customer.id)
    assert (await refusal(client, customer=customer.id)).code == "resource_missing"


@pytest.mark.parametrize("email_from", ["customer", "customer_email"])
async def test_known_email_is_in_the_details_at_once(client: stripe.StripeClient, email_from: str) -> None:
    if email_from == "customer":
        customer = await client.v1.customers.create_async({"email": "ada@example.com"})
        session = await create(client, customer=customer.id)
        assert (session.customer, session.customer_email) == (customer.id, None)
    else:
        session = await create(client, customer_email="ada@example.com")
        assert session.customer_email == "ada@example.com"
    assert session.customer_details is not None
    assert session.customer_details.email == "ada@example.com"


@pytest.mark.parametrize(("lifetime", "allowed"), [(1790, False), (1803, True), (86390, True), (86403, False)], ids=str)
async def test_lifetime_is_half_an_hour_to_a_day(client: stripe.StripeClient, lifetime: int, allowed: bool) -> None:
    now = (await create(client)).created
    if allowed:
        assert (await create(client, expires_at=now + lifetime)).expires_at == now + lifetime
    else:
        assert (await refusal(client, expires_at=now + lifetime)).param == "expires_at"


async def test_session_expires_by_itself(client: stripe.StripeClient, url: str) -> None:
    session = await create(client)
    await advance(url, 23 * 60 * 60)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    await advance(url, 60 * 60)
    session = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["setup_intent"]})
    assert (session.status, session.url) == ("expired", None)
    assert typing.cast("stripe.SetupIntent", session.setup_intent).status == "canceled"


async def test_expire_ends_an_open_session_once(client: stripe.StripeClient) -> None:
    session = await create(client)
    expired = await client.v1.checkout.sessions.expire_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        await client.v1.checkout.sessions.expire_async(session.id)


async def test_expand_only_what_can_be_expanded(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({"name": "Ada"})
    session = await create(client, customer=customer.id, expand=["customer", "setup_intent.customer", "subscription"])
    assert typing.cast("stripe.Customer", session.customer).name == "Ada"
    intent = typing.cast("stripe.SetupIntent", session.setup_intent)
    assert typing.cast("stripe.Customer", intent.customer).id == customer.id
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).customer == customer.id
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["status"]})


async def test_unknown_session_is_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await client.v1.checkout.sessions.retrieve_async("cs_test_nothing")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


async def test_list_filters_and_expands(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({"email": "ada@example.com"})
    mine = await create(client, customer=customer.id)
    other = await create(client, customer_email="bob@example.com")
    await client.v1.checkout.sessions.expire_async(other.id)
    sessions = client.v1.checkout.sessions
    listed = await sessions.list_async({"customer": customer.id, "expand": ["data.customer"]})
    assert [session.id for session in listed.data] == [mine.id]
    assert typing.cast("stripe.Customer", listed.data[0].customer).email == "ada@example.com"
    assert [s.id for s in (await sessions.list_async({"status": "expired"})).data] == [other.id]
    by_email = await sessions.list_async({"customer_details": {"email": "bob@example.com"}})
    assert [s.id for s in by_email.data] == [other.id]
    with pytest.raises(stripe.InvalidRequestError, match="must be one of"):
        await sessions.list_async({"status": "paid"})


async def test_words_of_ours_stand_beside_the_button(client: stripe.StripeClient, url: str) -> None:
    session = await create(client, custom_text={"submit": {"message": "Who began this gets the <key>."}})
    assert session.custom_text.submit is not None
    assert session.custom_text.submit.message == "Who began this gets the <key>."
    assert session.custom_text.after_submit is None
    async with ClientSession() as http, http.get(str(session.url)) as page:
        assert "Who began this gets the &lt;key&gt;." in await page.text()


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ({"submit": {"message": "x" * 1201}}, "custom_text[submit][message]"),
        ({"submit": {"text": "x"}}, "custom_text[submit][text]"),
        ({"footer": {"message": "x"}}, "custom_text[footer]"),
        ({"after_submit": {}}, None),
    ],
)
async def test_words_that_stripe_would_not_take_are_refused(
    client: stripe.StripeClient, text: Any, param: str | None
) -> None:
    if param is None:  # nothing of it is sent
        assert (await create(client, custom_text=text)).custom_text.after_submit is None
    else:
        assert (await refusal(client, custom_text=text)).param == param
