"""What all requests to the Stripe stand-in share: keys, versions, idempotency, form encoding, the shape of errors."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import stripe
from aiohttp import ClientSession, encode_basic_auth

from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.forms import decode_form, nest

KEY = {"Authorization": "Bearer sk_test_sandbox"}


@pytest.fixture
async def http(url: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(base_url=url) as http:
        yield http


async def ask(http: ClientSession, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    async with http.request(method, path, **options) as response:
        assert response.headers["Request-Id"].startswith("req_")
        return response.status, await response.json()


def basic(key: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(key, "")}


async def test_library_works_without_asyncio_too(url: str) -> None:
    client = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": url}, max_network_retries=0)
    customer = await asyncio.to_thread(client.v1.customers.create, {"email": "ada@example.com"})
    assert customer.id.startswith("cus_")


async def test_wrong_key_is_an_authentication_error(url: str) -> None:
    client = stripe.StripeClient("sk_test_wrong", base_addresses={"api": url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key") as refused:
        await asyncio.to_thread(client.v1.customers.list)
    assert "sk_test_wrong" not in str(refused.value)


async def test_basic_auth_is_taken_and_no_auth_is_not(http: ClientSession) -> None:
    assert (await ask(http, "GET", "/v1/customers", headers=basic("sk_test_sandbox")))[0] == 200
    assert (await ask(http, "GET", "/v1/customers", headers=basic("sk_test_wrong")))[0] == 401
    status, body = await ask(http, "GET", "/v1/customers")
    assert (status, body["error"]["type"]) == (401, "invalid_request_error")
    assert body["error"]["message"].startswith("You did not provide an API key.")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/teapots"), ("PUT", "/v1/customers"), ("GET", "/teapots")])
async def test_unknown_urls_are_named(http: ClientSession, method: str, path: str) -> None:
    status, body = await ask(http, method, path, headers=KEY)
    assert status == 404
    assert body["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path}).")
    assert body["error"]["type"] == "invalid_request_error"


async def test_version_is_echoed_and_another_is_refused(http: ClientSession) -> None:
    async with http.get("/v1/customers", headers={**KEY, "Stripe-Version": stripe.api_version}) as response:
        assert (response.status, response.headers["Stripe-Version"]) == (200, stripe.api_version)
    status, body = await ask(http, "GET", "/v1/customers", headers={**KEY, "Stripe-Version": "2024-06-20"})
    assert (status, body["error"]["code"]) == (400, "standin_not_implemented")


@pytest.mark.parametrize(
    "request_body",
    [
        {"json": {"email": "ada@example.com"}},
        {"data": b"email=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"data": b"email=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"data": {"[email]": "ada@example.com"}},
        {"data": {"metadata": "x", "metadata[a]": "y"}},
        {"data": {"name[first]": "Ada"}},
        {"data": {"name" + "[a]" * 5000: "Ada"}},
        {"data": {"preferred_locales[" + "9" * 5000 + "]": "en"}},
    ],
    ids=[
        "json",
        "raw-latin1",
        "escaped-latin1",
        "no-name",
        "value-and-object",
        "object-for-string",
        "deep",
        "huge-index",
    ],
)
async def test_bad_bodies_are_400(http: ClientSession, request_body: dict[str, Any]) -> None:
    request_body = {**request_body, "headers": {**KEY, **request_body.get("headers", {})}}
    status, body = await ask(http, "POST", "/v1/customers", **request_body)
    assert (status, body["error"]["type"]) == (400, "invalid_request_error")


async def test_oversized_body_has_the_shape_of_an_error(http: ClientSession) -> None:
    status, body = await ask(http, "POST", "/v1/customers", data=BytesIO(b"name=" + b"x" * 2_000_000), headers=KEY)
    assert (status, body["error"]["type"]) == (413, "invalid_request_error")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[][b]=1&a[][c]=2&a[][b]=3", {"a": {"0": {"b": "1", "c": "2"}, "1": {"b": "3"}}}),
        ("a%5Bb+c%5D=%C3%A9+%26", {"a": {"b c": "é &"}}),
    ],
)
def test_brackets_become_a_tree(text: str, tree: dict[str, Any]) -> None:
    assert nest(decode_form(text)) == tree


@pytest.mark.parametrize("text", ["=1", "[a]=1", "a[b=1", "a]=1", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_broken_brackets_are_refused(text: str) -> None:
    with pytest.raises(StripeError):
        nest(decode_form(text))


async def test_metadata_may_have_numbers_for_keys(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({"metadata": {"0": "zero", "1": "é & ü"}})
    assert customer.metadata is not None
    assert customer.metadata.to_dict() == {"0": "zero", "1": "é & ü"}


async def test_same_key_and_request_is_answered_again(client: stripe.StripeClient) -> None:
    first, second = [
        await client.v1.customers.create_async({"email": "ada@example.com"}, {"idempotency_key": "key-1"})
        for _ in range(2)
    ]
    assert first.id == second.id
    assert len((await client.v1.customers.list_async()).data) == 1
    assert first.last_response is not None
    assert second.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert second.last_response.request_id != first.last_response.request_id


async def test_same_key_for_something_else_is_an_error(client: stripe.StripeClient) -> None:
    made = await client.v1.customers.create_async({"email": "ada@example.com"}, {"idempotency_key": "key-1"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await client.v1.customers.create_async({"email": "bob@example.com"}, {"idempotency_key": "key-1"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await client.v1.customers.update_async(made.id, {"email": "ada@example.com"}, {"idempotency_key": "key-1"})
    with pytest.raises(stripe.IdempotencyError, match="255"):
        await client.v1.customers.create_async({}, {"idempotency_key": "x" * 256})


async def test_refused_request_leaves_its_key_unused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.create_async({"email": "nobody"}, {"idempotency_key": "key-1"})
    made = await client.v1.customers.create_async({"email": "ada@example.com"}, {"idempotency_key": "key-1"})
    assert made.email == "ada@example.com"


async def test_key_is_forgotten_after_a_day(client: stripe.StripeClient, http: ClientSession) -> None:
    first = await client.v1.customers.create_async({}, {"idempotency_key": "key-1"})
    await http.post("/_standin/clock/advance", data={"seconds": 24 * 60 * 60 + 1})
    second = await client.v1.customers.create_async({}, {"idempotency_key": "key-1"})
    assert first.id != second.id
