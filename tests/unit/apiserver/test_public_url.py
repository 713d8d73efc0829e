"""BATTERIES_PUBLIC_URL may have a path, with or without a slash at its end: every address that is answered has it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.api_caches import settle
from kubernetes.aio.client import ApiClient, Configuration
from pydantic import ValidationError

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.sessions import NewSession
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_operator.runtime.settings import Settings as OperatorSettings

Client = TestClient[web.Request, web.Application]
BASES = ["https://example.com", "https://example.com/", "https://example.com/batteries", "https://example.com/a/b/"]
ACCOUNTS = [f"5b8a54a8-1111-4c11-8a11-0123456789a{number}" for number in range(3)]
CREATED = "2026-11-24T08:00:00Z"


class Accounts:
    """Takes what is applied."""

    async def apply(self, namespace: str, name: str, body: dict[str, Any]) -> AwsAccount:
        return account(name, body["spec"]["customerRef"]["name"])

    async def raw_page(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def account(name: str, customer: str) -> AwsAccount:
    metadata = {"name": name, "namespace": "n", "uid": name, "resourceVersion": "9", "creationTimestamp": CREATED}
    history = [
        {"step": "create_account", "status": "started", "timestamp": f"2026-11-24T08:00:0{n}Z", "message": "m"}
        for n in range(3)
    ]
    body = {"metadata": metadata, "spec": {"customerRef": {"name": customer}}, "status": {"history": history}}
    return AwsAccount.model_validate(body)


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def keys() -> tuple[NewKey, NewKey]:
    """A customer's and an administrator's."""
    return mint(), mint()


@pytest.fixture
async def client(base: str, keys: tuple[NewKey, NewKey], aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    @asynccontextmanager
    async def source(settings: Settings) -> AsyncIterator[Kube]:
        async with ApiClient(Configuration(host="http://127.0.0.1:9")) as api:
            kube = kube_of(api, settings)
            settle(kube.caches)
            for number in range(4):
                key = keys[number % 2]
                owner = {"role": "admin"} if number % 2 else {"customerRef": {"name": "c"}}
                hashed = key.digest if number < 2 else f"{number}" * 64
                spec = {**owner, "keyPrefix": key.prefix, "keyHash": hashed}
                metadata = {"name": f"k{number}", "namespace": "n", "uid": f"k{number}", "resourceVersion": "5"}
                metadata["creationTimestamp"] = CREATED
                kube.caches.keys.put(ApiKey.model_validate({"metadata": metadata, "spec": spec}))
            for name in ACCOUNTS:
                kube.caches.accounts.put(account(name, "c"))
            spec = {"email": "a@example.com"}
            metadata = {"name": "c", "namespace": "n", "uid": "c", "resourceVersion": "5"}
            body = {"metadata": metadata, "spec": spec, "status": {"paymentMethod": "valid"}}
            kube.caches.customers.put(Customer.model_validate(body))
            stored: Any = Accounts()
            yield replace(kube, accounts=stored)

    settings = Settings(namespace="n", public_url=base, admin_key_secret="", stripe_secret_key="sk_live_1")
    return await aiohttp_client(make_app(settings, source))


def whole(base: str, path: str) -> str:
    return base.rstrip("/") + path


def found(base: str, reference: str) -> str:
    """Where a client gets to that asked at the public address."""
    return urljoin(whole(base, "/v1/anything"), reference)


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/v1/accounts", 0),
        ("/v1/keys", 0),
        ("/v1/admin/accounts", 1),
        ("/v1/admin/events", 1),
    ],
)
async def test_the_next_page_is_under_it(
    client: Client, base: str, keys: tuple[NewKey, NewKey], path: str, who: int
) -> None:
    headers = {"Authorization": f"Bearer {keys[who].raw}"}
    response = await client.get(f"{path}?limit=1", headers=headers)
    assert response.status == 200, await response.text()
    if "Link" not in response.headers:
        pytest.skip("this list has no second page here")
    [target] = re.findall('<(.*)>; rel="next"', response.headers["Link"])
    parts = urlsplit(found(base, target))
    assert parts._replace(query="").geturl() == whole(base, path)
    assert parts.query.startswith("limit=1&cursor=")


async def test_a_new_account_is_under_it(
    client: Client, base: str, keys: tuple[NewKey, NewKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def admitted(*_: Any) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr("batteries_apiserver.accounts.handlers.admitted", admitted)
    response = await client.post("/v1/accounts", headers={"Authorization": f"Bearer {keys[0].raw}"})
    assert response.status == 202, await response.text()
    path = f"/v1/accounts/{(await response.json())['accountId']}"
    assert found(base, response.headers["Location"]) == whole(base, path)


async def test_stripe_sends_browsers_back_under_it(client: Client, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    async def new_session(gateway: StripeGateway, email: str, **urls: str) -> NewSession:
        seen.update(urls)
        return NewSession("cs_live_1", "https://checkout.stripe.com/1")

    monkeypatch.setattr(StripeGateway, "new_session", new_session)
    assert (await client.post("/v1/stripe/setup", json={"email": "a@example.com"})).status == 200
    assert seen["success_url"] == whole(base, "/checkout/complete?session_id={CHECKOUT_SESSION_ID}")
    assert seen["cancel_url"] == whole(base, "/checkout/cancelled")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/robots.txt", "/llms.txt", "/v1/openapi.json", "/checkout/complete", "/docs"]
)
async def test_every_address_of_ours_in_a_text_is_under_it(client: Client, base: str, path: str) -> None:
    text = await (await client.get(path)).text()
    for address in re.findall(r"https://example\.com[^\s\"')<>`]*", text):
        assert address.startswith(base.rstrip("/")), address
        assert "//" not in address.removeprefix("https://"), address
    for reference in re.findall(r'(?:href|src)="([^"#]+)"', text):
        assert not reference.startswith("/"), f"{reference} would lead out of it"


@pytest.mark.parametrize("form", ["text/html", "text/markdown", "application/json"])
async def test_the_first_page_and_the_catalog_lead_to_whole_addresses_under_it(
    client: Client, base: str, form: str
) -> None:
    text = await (await client.get("/", headers={"Accept": form})).text()
    for path in ("/llms.txt", "/v1/openapi.json", "/docs"):
        assert whole(base, path) in text
    catalog = await (await client.get("/.well-known/api-catalog")).json(content_type=None)
    assert catalog["linkset"][0]["anchor"] == whole(base, "/v1")
    assert catalog["linkset"][0]["service-desc"][0]["href"] == whole(base, "/v1/openapi.json")


async def test_a_path_that_is_not_there_and_its_links_are_named_under_it(client: Client, base: str) -> None:
    response = await client.get("/v1/accounts/")
    sentence = (await response.json())["error"]
    prefix = urlsplit(base).path.rstrip("/")
    assert f"Did you mean {prefix}/v1/accounts (GET, POST)?" in sentence
    assert f"GET {prefix}/llms.txt." in sentence
    for target in re.findall("<([^>]*)>", response.headers["Link"]):
        assert found(base, target).startswith(whole(base, "/")), target


async def test_the_document_names_it_as_its_server(client: Client, base: str) -> None:
    document = await (await client.get("/v1/openapi.json")).json()
    assert document["servers"] == [{"url": whole(base, "/v1")}]


@pytest.mark.parametrize("wrong", ["https://example.com/?a=b", "https://example.com/a#b", "example.com", "ftp://e.com"])
def test_what_no_path_can_be_put_behind_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(public_url=wrong)
    with pytest.raises(ValidationError):
        OperatorSettings(public_url=wrong)
