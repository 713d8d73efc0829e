"""Customers and their cards in the Stripe stand-in, through the real stripe library."""

from typing import Any

import pytest
import stripe
from aiohttp import ClientSession


@pytest.fixture
async def customer(client: stripe.StripeClient) -> stripe.Customer:
    params: Any = {"email": "ada@example.com", "name": "Ada", "metadata": {"a": "1", "b": "2"}}
    return await client.v1.customers.create_async(params)


async def save_card(client: stripe.StripeClient, url: str, customer: stripe.Customer) -> stripe.PaymentMethod:
    session = await client.v1.checkout.sessions.create_async(
        {"mode": "setup", "currency": "usd", "success_url": "https://merchant.example/", "customer": customer.id}
    )
    async with (
        ClientSession() as http,
        http.post(f"{url}/_standin/sessions/{session.id}/complete", data={"email": "ada@example.com"}) as response,
    ):
        assert response.status == 200
    return (await client.v1.customers.payment_methods.list_async(customer.id)).data[0]


async def test_customer_is_kept(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    found = await client.v1.customers.retrieve_async(customer.id)
    assert (found.id, found.email, found.name, found.object) == (customer.id, "ada@example.com", "Ada", "customer")


async def test_update_changes_only_what_is_given(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    changed = await client.v1.customers.update_async(customer.id, {"name": "Ada L.", "metadata": {"b": "", "c": "3"}})
    assert (changed.name, changed.email) == ("Ada L.", "ada@example.com")
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}


async def test_empty_values_unset(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    changed = await client.v1.customers.update_async(customer.id, {"email": "", "metadata": ""})
    assert changed.email is None
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"email": "nobody"}, "email_invalid"),
        ({"colour": "red"}, "parameter_unknown"),
        ({"metadata": {"k": "x" * 501}}, None),
        ({"payment_method": "pm_1"}, "standin_not_implemented"),
        ({"invoice_settings": {"default_payment_method": "pm_nothing"}}, "resource_missing"),
        ({"preferred_locales": "en"}, None),
        ({"address": {"town": "Paris"}}, "parameter_unknown"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
async def test_refused(client: stripe.StripeClient, params: Any, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.customers.create_async(params)
    assert (refused.value.http_status, refused.value.code) == (400, code)


async def test_metadata_limit_holds_for_old_and_new_keys_together(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="50 metadata keys"):
        await client.v1.customers.update_async(customer.id, {"metadata": {f"k{n}": "v" for n in range(49)}})


async def test_deleted_customer_is_a_tombstone(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    assert (await client.v1.customers.delete_async(customer.id)).deleted is True
    found = await client.v1.customers.retrieve_async(customer.id)
    assert found.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert (await client.v1.customers.list_async()).data == []
    for again in (client.v1.customers.delete_async(customer.id), client.v1.customers.update_async(customer.id, {})):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            await again
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


async def test_list_filters_by_exact_email(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    await client.v1.customers.create_async({"email": "bob@example.com"})
    listed = await client.v1.customers.list_async({"email": "ada@example.com"})
    assert [found.id for found in listed.data] == [customer.id]
    assert (await client.v1.customers.list_async({"email": "ADA@example.com"})).data == []


async def test_list_pages_newest_first(client: stripe.StripeClient) -> None:
    made = [(await client.v1.customers.create_async({})).id for _ in range(5)]
    first = await client.v1.customers.list_async({"limit": 2})
    assert ([found.id for found in first.data], first.has_more) == ([made[4], made[3]], True)
    assert [found.id async for found in first.auto_paging_iter()] == made[::-1]
    before = await client.v1.customers.list_async({"limit": 2, "ending_before": made[1]})
    assert ([found.id for found in before.data], before.has_more) == ([made[3], made[2]], True)


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"limit": 0},
        {"limit": "many"},
        {"starting_after": "cus_nobody"},
        {"starting_after": "a", "ending_before": "b"},
    ],
    ids=str,
)
async def test_bad_pages_are_refused(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.list_async(params)


async def test_detached_card_is_nobodys(client: stripe.StripeClient, url: str, customer: stripe.Customer) -> None:
    method = await save_card(client, url, customer)
    await client.v1.customers.update_async(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    assert (await client.v1.payment_methods.detach_async(method.id)).customer is None
    assert (await client.v1.customers.payment_methods.list_async(customer.id)).data == []
    assert (await client.v1.payment_methods.retrieve_async(method.id)).customer is None
    settings = (await client.v1.customers.retrieve_async(customer.id)).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        await client.v1.payment_methods.detach_async(method.id)


async def test_default_card_must_be_the_customers_own(
    client: stripe.StripeClient, url: str, customer: stripe.Customer
) -> None:
    method = await save_card(client, url, customer)
    other = await client.v1.customers.create_async({})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        await client.v1.customers.update_async(other.id, {"invoice_settings": {"default_payment_method": method.id}})


async def test_deleting_a_customer_frees_its_cards(
    client: stripe.StripeClient, url: str, customer: stripe.Customer
) -> None:
    method = await save_card(client, url, customer)
    await client.v1.customers.delete_async(customer.id)
    assert (await client.v1.payment_methods.retrieve_async(method.id)).customer is None
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await client.v1.customers.payment_methods.list_async(customer.id)
    assert missing.value.http_status == 404


async def test_payment_methods_filter_by_type(client: stripe.StripeClient, url: str, customer: stripe.Customer) -> None:
    method = await save_card(client, url, customer)
    methods = client.v1.customers.payment_methods
    assert [found.id for found in (await methods.list_async(customer.id, {"type": "card"})).data] == [method.id]
    assert (await methods.list_async(customer.id, {"type": "paypal"})).data == []
