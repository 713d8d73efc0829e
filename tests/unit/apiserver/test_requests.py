"""Requests against the real application, with resources that live in memory: who gets in, and what each error says."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import stripe
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.api_caches import settle
from kubernetes.aio.client import ApiClient, ApiException

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.billing.events import SUBSCRIBED
from batteries_apiserver.billing.gateway import NewSession, StripeGateway
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, NotificationWriter
from batteries_apiserver.http import request_log
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.request_context import add_request
from batteries_apiserver.http.route import Access, Route
from batteries_apiserver.keys import issue
from batteries_apiserver.keys.expiry import delete_old_keys
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.runtime.metrics import REQUEST_SECONDS, REQUESTS
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer, CustomerSpec
from batteries_crds.kube.client import Page, UnreadableError
from batteries_crds.notification import Notification, NotificationKind
from batteries_crds.resource import Resource

Client = TestClient[web.Request, web.Application]
WEBHOOK_SECRET = "whsec_unit"
ACCOUNT = "5b8a54a8-1111-4c11-8a11-0123456789ab"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PUBLIC = {
    *("/v1/confirm-email", "/confirm-email", "/confirm-email.js"),
    *(
        "/v1/stripe/setup",
        "/v1/stripe/session/{id}",
        "/v1/stripe/callback",
        "/checkout/complete",
        "/checkout/cancelled",
        "/checkout/checkout.css",
        "/checkout/checkout.js",
        "/checkout/icon.svg",
    ),
    *("/.well-known/openid-configuration", "/.well-known/jwks.json"),
    *("/v1/openapi.json", "/v1/llms.txt", "/llms.txt", "/docs", "/docs/docs.js", "/docs/docs.css"),
    *("/healthz", "/readyz"),
}


class InMemory:
    """One kind of resource: what `Resources` does, as far as the handlers ask, and how often."""

    def __init__(self, model: type[Resource]) -> None:
        self.model = model
        self.items: dict[str, Any] = {}
        self.unreadable: list[dict[str, Any]] = []
        self.managers: list[dict[str, Any]] = []
        self.manager = "batteries-apiserver"
        self.reads = 0
        self.failure: Exception | None = None

    async def find(self, namespace: str, name: str) -> Any:
        self.reads += 1
        if self.failure:
            raise self.failure
        return self.items.get(name)

    async def page(self, namespace: str, *, field_selector: str, limit: int) -> Any:
        self.reads += 1
        if isinstance(self.failure, UnreadableError):
            raise self.failure
        field, _, wanted = field_selector.partition("=")
        found: Callable[[Any], str] = {
            "spec.keyHash": lambda item: item.spec.key_hash,
            "spec.customerRef.name": lambda item: item.spec.customer_ref.name,
        }[field]
        return Page([item for item in self.items.values() if found(item) == wanted], "1", None)

    async def raw_page(self, namespace: str, *, field_selector: str, limit: int) -> Any:
        page = await self.page(namespace, field_selector=field_selector, limit=limit)
        return Page([item.to_wire() for item in page.items] + self.unreadable, "1", None)

    async def raw(self, namespace: str, name: str) -> Any:
        found = self.items[name].to_wire()
        return {**found, "metadata": {**found["metadata"], "managedFields": self.managers}}

    async def create(self, namespace: str, body: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        name = body["metadata"]["name"]
        if name in self.items:
            raise ApiException(status=409)
        return await self.apply(namespace, name, body)

    async def apply(self, namespace: str, name: str, body: dict[str, Any]) -> Any:
        if self.failure:
            raise self.failure
        await asyncio.sleep(0)  # where a real write lets others go on
        metadata = {**body["metadata"], "name": name, "namespace": namespace, "resourceVersion": "100", "uid": "u"}
        metadata["creationTimestamp"] = "2026-11-24T08:00:00Z"
        self.items[name] = self.model.model_validate({**body, "metadata": metadata})
        return self.items[name]

    async def merge_status(self, namespace: str, name: str, body: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        if name not in self.items:
            raise ApiException(status=404)
        return self._merged(name, "status", body)

    async def merge(self, namespace: str, name: str, body: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        fence = body.get("metadata", {}).get("resourceVersion")
        if fence is not None and fence != self.items[name].metadata.resource_version:
            raise ApiException(status=409)
        return self._merged(name, "spec", body)

    def _merged(self, name: str, part: str, body: dict[str, Any]) -> Any:
        raw = self.items[name].to_wire()
        raw[part] = {field: value for field, value in (raw.get(part, {}) | body[part]).items() if value is not None}
        raw["metadata"]["resourceVersion"] = str(int(raw["metadata"]["resourceVersion"]) + 1000)
        self.items[name] = self.model.model_validate(raw)
        return self.items[name]

    async def all(self, namespace: str, *, field_selector: str, unreadable: Any = None) -> AsyncIterator[Any]:
        for item in (await self.page(namespace, field_selector=field_selector, limit=1000)).items:
            yield item

    async def delete(self, namespace: str, name: str, *, exactly: Any) -> None:
        if self.items[name].metadata.resource_version != exactly.resource_version:
            raise ApiException(status=409)
        del self.items[name]


@dataclass
class World:
    """The application's resources, and shorthands to fill them."""

    kube: Kube
    parts: dict[str, InMemory]
    version: int = 1
    key: NewKey = field(default_factory=mint)

    def add(
        self, kind: str, name: str, spec: dict[str, Any], status: dict[str, Any], *, live_only: bool = False
    ) -> Any:
        self.version += 1
        part = self.parts[kind]
        metadata = {"name": name, "namespace": "n", "uid": "u", "resourceVersion": str(self.version)}
        item = part.model.model_validate({"metadata": metadata, "spec": spec, "status": status})
        part.items[name] = item
        if not live_only:
            getattr(self.kube.caches, kind).put(item)
        return item

    def add_key(self, key: NewKey, *, live_only: bool = False, **spec: Any) -> None:
        hashes = {"keyPrefix": key.prefix, "keyHash": key.digest}
        self.add("keys", key.prefix, {"customerRef": {"name": "c"}, **hashes, **spec}, {}, live_only=live_only)

    def add_customer(self, *, limit: int = 10, payment: str = "valid", live_only: bool = False) -> None:
        spec = {"email": "a@example.com", "accountLimit": limit}
        self.add("customers", "c", spec, {"paymentMethod": payment}, live_only=live_only)

    def add_account(self, name: str, owner: str = "c", *, live_only: bool = False, **status: Any) -> None:
        self.add("accounts", name, {"customerRef": {"name": owner}}, status, live_only=live_only)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.raw}"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with ApiClient() as api:
        kube = kube_of(api, Settings(namespace="n", installation="this"))
        parts = {"accounts": InMemory(AwsAccount), "customers": InMemory(Customer), "keys": InMemory(ApiKey)}
        parts["notifications"] = InMemory(Notification)
        stored: Any = parts
        fake = replace(kube, **stored)
        settle(fake.caches)
        made = World(fake, parts)
        made.add_key(made.key)
        yield made


@pytest.fixture
def app(world: World) -> web.Application:
    @asynccontextmanager
    async def source(settings: Settings) -> AsyncIterator[Kube]:
        yield world.kube

    # Port 9 (discard) takes no connections: Stripe is down, unless a test needs none.
    settings = Settings(
        namespace="n",
        stripe_secret_key="sk_test_unit",
        stripe_test_mode=True,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base="http://127.0.0.1:9",
        api_body_limit=65_536,
        api_key_limit=4,
        admin_key_secret="",
    )
    return make_app(settings, source)


@pytest.fixture
async def client(app: web.Application, aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Client:
    return await aiohttp_client(app)


async def error_of(response: Any) -> str:
    """The stable code, once the body has the one error shape."""
    body = orjson.loads(await response.read())
    assert body.keys() == {"error", "code"}
    assert body["error"][0].isupper() or body["error"].startswith("'") or body["error"][0].isdigit()
    assert body["error"].endswith(".")
    return str(body["code"])


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path not in PUBLIC], ids=str)
async def test_every_route_that_is_not_public_wants_a_key(client: Client, route: Route) -> None:
    response = await client.request(route.method, route.path.replace("{id}", "x"), data=b"not json")
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="AI Batteries Included"'
    assert await error_of(response) == "missing_api_key"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nope", "/v1/accounts/", "/v1/accounts/a/b", "/%ff%00", "/v1/%2e%2e"])
async def test_an_unknown_path_is_a_404_in_the_one_shape(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert await error_of(response) == "not_found"


async def test_a_wrong_method_is_a_405_that_says_which_are_right(client: Client) -> None:
    response = await client.delete("/v1/accounts")
    assert response.status == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))
    assert await error_of(response) == "method_not_allowed"


async def test_an_unknown_expectation_is_refused_in_the_one_shape(client: Client) -> None:
    response = await client.get("/healthz", headers={"Expect": "miracles"})
    assert response.status == 417
    assert await error_of(response) == "expectation_failed"
    assert response.headers["X-Request-Id"]


async def test_a_callers_request_id_comes_back_and_a_harmful_one_is_replaced(client: Client) -> None:
    assert (await client.get("/healthz", headers={"X-Request-Id": "abc-1"})).headers["X-Request-Id"] == "abc-1"
    assert "{" not in (await client.get("/nope", headers={"X-Request-Id": "{x}"})).headers["X-Request-Id"]


async def test_the_line_of_a_request_says_which_account_it_was_about_and_no_other(client: Client, world: World) -> None:
    world.add_account(ACCOUNT)
    with structlog.testing.capture_logs([add_request]) as lines:
        await client.get(f"/v1/accounts/{ACCOUNT}", headers=world.headers)
        await client.get("/healthz")  # by the same connection
    about, after = [line for line in lines if line["event"] == "request"]
    assert (about["account"], about["route"], about["status"]) == (ACCOUNT, "/v1/accounts/{id}", 200)
    assert "account" not in after


async def test_metrics_name_routes_and_usual_methods_whatever_is_asked(client: Client, world: World) -> None:
    for each in (REQUESTS.clear, REQUEST_SECONDS.clear, request_log._meters.cache_clear):
        each()  # what other tests of this process had counted
    world.add_account(ACCOUNT)
    for method, path in (
        ("GET", f"/v1/accounts/{ACCOUNT}"),
        ("GET", f"/{ACCOUNT}"),
        ("BREW", f"/v1/{ACCOUNT}/pot"),
        ("PROPFIND", f"/v1/accounts/{ACCOUNT}"),
        ("GET", f"/v1/stripe/session/cs_test_{ACCOUNT}"),
    ):
        await client.request(method, path, headers=world.headers)
    routes = {"unmatched", *(route.path for route in ROUTES)}
    counted = [sample for metric in (REQUESTS, REQUEST_SECONDS) for each in metric.collect() for sample in each.samples]
    assert {sample.labels["route"] for sample in counted} <= routes
    assert {sample.labels["method"] for sample in counted} <= {*METHODS, "other"}
    assert ("other", "unmatched") in {(sample.labels["method"], sample.labels["route"]) for sample in counted}
    assert not [sample for sample in counted if not re.fullmatch("[1-5][0-9]{2}", sample.labels["status"])]


async def test_a_bug_is_a_500_with_a_sentence_and_a_traceback_in_the_log(client: Client, world: World) -> None:
    world.parts["accounts"].failure = RuntimeError("boom")
    with structlog.testing.capture_logs() as lines:
        response = await client.get("/v1/accounts/5b8a54a8-1111-4c11-8a11-0123456789ab", headers=world.headers)
    assert response.status == 500
    assert await error_of(response) == "internal_error"
    assert [line for line in lines if line["event"] == "unexpected_error" and line["exc_info"]]


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
async def test_kubernetes_being_away_is_a_503_to_come_back_from(client: Client, world: World, status: int) -> None:
    world.parts["accounts"].failure = ApiException(status=status, reason="away")
    response = await client.get("/v1/accounts/5b8a54a8-1111-4c11-8a11-0123456789ab", headers=world.headers)
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert await error_of(response) == "unavailable"


async def test_readiness_follows_the_caches_and_liveness_does_not(client: Client, world: World) -> None:
    assert (await client.get("/readyz")).status == 200
    world.kube.caches.keys._watches["n"]._heard_at = time.monotonic() - 61
    response = await client.get("/readyz")
    assert response.status == 503
    assert "apikeys" in (await response.json())["error"]
    assert (await client.get("/healthz")).status == 200


async def test_before_the_caches_are_filled_nobody_is_told_half_the_truth(client: Client, world: World) -> None:
    world.kube.caches.accounts.synced.clear()
    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/v1/accounts", headers=world.headers)).status == 503


# --- keys


async def test_a_key_made_on_another_replica_works_at_once_and_costs_one_read(client: Client, world: World) -> None:
    other = mint()
    world.add_key(other, live_only=True)
    for _ in range(3):
        response = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {other.raw}"})
        assert response.status == 200
    assert world.parts["keys"].reads == 1


async def test_a_malformed_key_costs_no_read_and_an_unknown_one_a_single_read(client: Client, world: World) -> None:
    bad = mint().raw[:-1] + "!"
    assert (await client.get("/v1/accounts", headers={"Authorization": f"Bearer {bad}"})).status == 401
    assert world.parts["keys"].reads == 0
    unknown = mint().raw
    for _ in range(5):
        response = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {unknown}"})
        assert response.status == 401
        assert await error_of(response) == "invalid_api_key"
    assert world.parts["keys"].reads == 1


async def test_a_revoked_key_is_refused(client: Client, world: World) -> None:
    revoked = mint()
    world.add_key(revoked, revokedAt="2026-11-24T08:00:00Z")
    response = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {revoked.raw}"})
    assert response.status == 401
    assert await error_of(response) == "revoked_api_key"


async def test_an_administrators_key_owns_no_accounts(client: Client, world: World) -> None:
    admin = mint()
    world.add_key(admin, customerRef=None, role="admin")
    response = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {admin.raw}"})
    assert response.status == 403
    assert await error_of(response) == "customer_key_required"


async def test_the_limit_of_keys_holds_against_requests_at_once(client: Client, world: World) -> None:
    world.add_customer()
    answers = await asyncio.gather(
        *(client.post("/v1/keys", headers=world.headers, json={"name": "x"}) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 17, "one key is there already"
    refused = next(answer for answer in answers if answer.status == 409)
    assert await error_of(refused) == "key_limit_reached"
    assert len(world.parts["keys"].items) == 4


# --- POST /v1/accounts


@pytest.mark.parametrize("body", [None, b"", b" \n", b"{}", b"{ }"])
async def test_the_body_may_be_left_out(client: Client, world: World, body: bytes | None) -> None:
    world.add_customer()
    response = await client.post("/v1/accounts", headers=world.headers, data=body)
    assert response.status == 202
    answer = await response.json()
    assert answer == {"accountId": answer["accountId"], "status": "pending", "createdAt": "2026-11-24T08:00:00Z"}
    assert response.headers["Location"] == f"/v1/accounts/{answer['accountId']}"
    assert int(response.headers["Retry-After"]) > 0
    assert (await client.get(response.headers["Location"], headers=world.headers)).status == 200


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"\xff"', "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
        (b'{"githubRepos": null}', "githubRepos"),
        (b'{"githubRepos": "o/r"}', "githubRepos"),
        (b'{"githubRepos": [1]}', "githubRepos[0]"),
        (b'{"githubRepos": ["o/*"]}', "'o/*' is not a repository"),
        (b'{"githubRepos": ["o/r", "O/R"]}', "listed twice"),
        (orjson.dumps({"githubRepos": [f"o/r{n}" for n in range(101)]}), "at most 100"),
    ],
)
async def test_a_wrong_body_is_a_400_that_says_what_is_wrong_before_payment_is_asked_for(
    client: Client, world: World, body: bytes, part: str
) -> None:
    response = await client.post("/v1/accounts", headers=world.headers, data=body)
    assert response.status == 400
    assert part in (await response.json())["error"]
    assert world.parts["accounts"].items == {}


async def test_a_body_that_is_too_large_is_a_413(client: Client, world: World) -> None:
    response = await client.post("/v1/accounts", headers=world.headers, data=b" " * 70_000)
    assert response.status == 413
    assert await error_of(response) == "body_too_large"


async def test_a_body_that_is_not_what_its_encoding_says_is_a_400(client: Client, world: World) -> None:
    response = await client.post("/v1/accounts", headers={**world.headers, "Content-Encoding": "gzip"}, data=b"{}")
    assert response.status == 400


@pytest.mark.parametrize("payment", ["missing", None])
async def test_without_a_good_card_the_answer_says_where_to_add_one(
    client: Client, world: World, payment: str | None
) -> None:
    if payment:
        world.add_customer(payment=payment)
    response = await client.post("/v1/accounts", headers=world.headers)
    assert response.status == 402
    assert "POST /v1/stripe/setup" in (await response.json())["error"]


async def test_a_card_that_another_replica_saw_counts_at_once(client: Client, world: World) -> None:
    world.add_customer(payment="missing")
    world.add_customer(live_only=True)
    assert (await client.post("/v1/accounts", headers=world.headers)).status == 202


async def test_the_account_limit_holds_against_requests_at_once(client: Client, world: World) -> None:
    world.add_customer(limit=3)
    answers = await asyncio.gather(*(client.post("/v1/accounts", headers=world.headers) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [202] * 3 + [409] * 7
    refused = next(answer for answer in answers if answer.status == 409)
    assert await error_of(refused) == "account_limit_reached"


async def test_an_account_that_cannot_be_read_counts_against_the_limit(client: Client, world: World) -> None:
    world.add_customer(limit=3)
    world.add_account(MINE)
    raw = {"metadata": {"namespace": "n", "name": "odd", "resourceVersion": "9"}, "spec": {"customerRef": "c"}}
    world.parts["accounts"].unreadable = [raw]
    answers = [await client.post("/v1/accounts", headers=world.headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 409]


async def test_a_rule_of_the_resource_is_passed_on_in_its_own_words(client: Client, world: World) -> None:
    world.add_customer()
    cause = {"field": "spec", "message": 'Invalid value: "object": Name each repository once.'}
    error = ApiException(status=422)
    error.body = orjson.dumps({"details": {"causes": [cause]}}).decode()
    world.parts["accounts"].failure = error
    response = await client.post("/v1/accounts", headers=world.headers)
    assert response.status == 400
    assert (await response.json())["error"] == "Name each repository once."


# --- reading and changing accounts

MINE = "5b8a54a8-1111-4c11-8a11-0123456789ab"
OTHERS = "5b8a54a8-2222-4c11-8a11-0123456789ab"


async def test_a_list_holds_the_callers_accounts_only(client: Client, world: World) -> None:
    world.add_account(MINE)
    world.add_account(OTHERS, owner="somebody")
    listed = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    assert [account["accountId"] for account in listed] == [MINE]


@pytest.mark.parametrize("account_id", [OTHERS, "5b8a54a8-3333-4c11-8a11-0123456789ab", "x", "%00", "é" * 300])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_others_unknown_and_malformed_ids_are_the_same_404(
    client: Client, world: World, account_id: str, method: str
) -> None:
    world.add_account(OTHERS, owner="somebody", phase="active")
    body = b'{"githubRepos": []}'
    response = await client.request(method, f"/v1/accounts/{account_id}", headers=world.headers, data=body)
    assert response.status == 404
    assert await error_of(response) == "account_not_found"


async def test_an_account_that_another_replica_made_just_now_is_found(client: Client, world: World) -> None:
    world.add_account(MINE, live_only=True)
    assert (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).status == 200


async def test_an_account_that_kubectl_named_is_found_by_its_derived_id(client: Client, world: World) -> None:
    world.add_account("team-a")
    listed = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    response = await client.get(f"/v1/accounts/{listed[0]['accountId']}", headers=world.headers)
    assert response.status == 200
    assert (await response.json())["accountId"] != "team-a"


@pytest.mark.parametrize("kind", ["accounts", "keys"])
async def test_what_cannot_be_read_is_a_503_and_the_log_names_it(client: Client, world: World, kind: str) -> None:
    world.parts[kind].failure = UnreadableError("thing n/odd", "status.phase: Input should be another")
    headers = world.headers if kind == "accounts" else {"Authorization": f"Bearer {mint().raw}"}
    with structlog.testing.capture_logs() as lines:
        response = await client.get(f"/v1/accounts/{MINE}", headers=headers)
    assert response.status == 503
    assert await error_of(response) == "unavailable"
    assert [line["object"] for line in lines if line["event"] == "object_unreadable"] == ["thing n/odd"]


@pytest.mark.parametrize("phase", ["pending", "creating", "failed", "suspended"])
async def test_only_an_active_account_can_be_changed(client: Client, world: World, phase: str) -> None:
    world.add_account(MINE, phase=phase)
    body = b'{"githubRepos": ["o/r"]}'
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=body)
    assert response.status == 409
    assert await error_of(response) == "account_not_active"


async def test_a_change_needs_the_list(client: Client, world: World) -> None:
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=b"{}")
    assert response.status == 400
    assert (await response.json())["error"] == "The field githubRepos is required."


async def test_whoever_owns_the_list_is_named(client: Client, world: World) -> None:
    world.add_account(MINE, phase="active")
    world.parts["accounts"].apply = refuse_for_argocd  # type: ignore[method-assign]
    world.parts["accounts"].managers = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:githubRepos": {}}}}
    ]
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=b'{"githubRepos": ["o/r"]}')
    assert response.status == 409
    assert "argocd-controller" in (await response.json())["error"]


async def refuse_for_argocd(namespace: str, name: str, body: dict[str, Any]) -> Any:
    error = ApiException(status=409)
    cause = {"reason": "FieldManagerConflict", "field": ".spec.githubRepos"}
    error.body = orjson.dumps({"details": {"causes": [cause]}}).decode()
    raise error


# --- Stripe, as far as it is not asked


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "a b@c.de", "a@b.de\n\n@", "a@b..de", "x" * 300 + "@b.de", "a\0@b.de"]
)
async def test_what_is_no_email_address_is_refused_with_an_example(client: Client, email: str) -> None:
    response = await client.post("/v1/stripe/setup", json={"email": email})
    assert response.status == 400
    assert "team@example.com" in (await response.json())["error"]


def address_of(length: int) -> str:
    return "a" * (length - len("@example.com")) + "@example.com"


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


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age: int = 0) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(errors="replace"), secret, timestamp=int(time.time()) - age
    )
    return {"Stripe-Signature": header}


EVENT = orjson.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "livemode": False,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    }
)


async def test_an_event_that_does_not_concern_us_is_acknowledged(client: Client) -> None:
    assert (await client.post("/v1/stripe/callback", data=EVENT, headers=signed(EVENT))).status == 200


@pytest.mark.parametrize("livemode", [True, False])
async def test_an_event_of_the_other_mode_is_acknowledged_and_not_acted_on(client: Client, livemode: bool) -> None:
    event = {**orjson.loads(EVENT), "type": "checkout.session.completed", "livemode": livemode}
    body = orjson.dumps({**event, "data": {"object": {"id": "cs_test_aaaaaaaa", "object": "checkout.session"}}})
    response = await client.post("/v1/stripe/callback", data=body, headers=signed(body))
    # The key is a test-mode key, and Stripe is down in these tests: whoever acts asks it, and answers 503.
    assert response.status == (200 if livemode else 503)


ANYTHING: list[Any] = [
    None,
    True,
    0,
    1e300,
    10**400,
    "",
    "x",
    "a/../b",
    "\x00",
    "\ud800",
    "é",
    [],
    ["x"],
    {},
    {"id": "x"},
    [[]],
]
"""What JSON can hold, and strings that are no ids."""

WHOLE: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "livemode": False,
    "type": "checkout.session.completed",
    "data": {
        "object": {"id": "cs_1", "object": "checkout.session", "customer": "cus_1"},
        "previous_attributes": {"customer": "cus_1"},
    },
}


def paths_of(value: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        yield (*above, name)
        if isinstance(part, dict):
            yield from paths_of(part, (*above, name))


def replaced(value: dict[str, Any], path: tuple[str, ...], new: Any) -> dict[str, Any]:
    first, *rest = path
    return {**value, first: replaced(value[first], tuple(rest), new) if rest else new}


@pytest.mark.parametrize("kind", sorted(SUBSCRIBED))
async def test_a_signed_event_of_any_shape_is_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def completed_session(gateway: StripeGateway, session_id: str) -> None:
        assert re.fullmatch("[A-Za-z0-9_]+", session_id), "Stripe is asked for nothing that is no id"

    monkeypatch.setattr(StripeGateway, "completed_session", completed_session)
    whole = {**WHOLE, "type": kind}
    customer = replaced(whole, ("data", "object"), {"id": "cus_1", "object": "customer"})
    for sound in (whole, customer):
        for path in paths_of(sound):
            for value in ANYTHING:
                body = json.dumps(replaced(sound, path, value)).encode()
                status = (await client.post("/v1/stripe/callback", data=body, headers=signed(body))).status
                assert status in (200, 400), f"{status}: {body!r}"


async def test_a_signed_body_of_any_shape_is_answered(client: Client) -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    for body in (*(json.dumps(value).encode() for value in ANYTHING), deep, b'{"data":' * 5_000 + b"1" + b"}" * 5_000):
        response = await client.post("/v1/stripe/callback", data=body, headers=signed(body))
        assert (response.status, await error_of(response)) == (400, "invalid_signature"), body[:50]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (EVENT, {}),
        (EVENT, {"Stripe-Signature": "nonsense"}),
        (EVENT, signed(EVENT, secret="whsec_other")),
        (EVENT, signed(EVENT, age=400)),
        (EVENT + b" ", signed(EVENT)),
        (b"\xff\xfe", signed(b"x")),
        (b"[]", signed(b"[]")),
        (b"{}", signed(b"{}")),
        (b"no json", signed(b"no json")),
    ],
    ids=["unsigned", "nonsense", "other secret", "old", "changed", "not UTF-8", "list", "empty object", "no JSON"],
)
async def test_only_what_stripe_signed_for_us_just_now_is_read(
    client: Client, body: bytes, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/stripe/callback", data=body, headers=headers)
    assert response.status == 400
    assert await error_of(response) == "invalid_signature"


# --- pages


@pytest.mark.parametrize("path", ["/checkout/complete?session_id=cs_test_secret0", "/checkout/cancelled"])
async def test_a_page_is_kept_by_nobody_framed_by_nobody_and_runs_only_our_own_script(
    client: Client, path: str
) -> None:
    response = await client.get(path)
    assert response.status == 200
    assert response.content_type == "text/html"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    text = await response.text()
    assert not re.search(r"<style|<script>| style=| on[a-z]+=|https?://(?!localhost:8080)", text)


async def test_loading_the_page_and_all_that_it_loads_asks_stripe_for_nothing(client: Client) -> None:
    # Stripe is down in these tests: a page that asked would answer 503.
    text = await (await client.get("/checkout/complete?session_id=cs_test_secret0")).text()
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        response = await client.get(f"/checkout/{address}")
        assert response.status == 200, address
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("session", ['"><script>alert(1)</script>', "cs_<b>", "x", "", "cs_test_" + "a" * 300])
async def test_only_what_can_be_a_session_is_put_into_the_page(client: Client, session: str) -> None:
    text = await (await client.get("/checkout/complete", params={"session_id": session})).text()
    assert "v1/stripe/session/&lt;the session_id" in text
    assert len(session) < 3 or session not in text


async def test_without_javascript_the_page_gives_the_whole_line_to_paste(client: Client) -> None:
    text = await (await client.get("/checkout/complete?session_id=cs_test_secret0")).text()
    [line] = re.findall(r"<noscript>.*?<code>(.*?)</code>", text, re.DOTALL)
    assert line == "curl http://localhost:8080/v1/stripe/session/cs_test_secret0"


# --- scopes, expiry, the last key, and what is mailed about keys


GUARDED = [route for route in ROUTES if route.access is not Access.ANYONE]


@pytest.mark.parametrize("route", GUARDED, ids=str)
async def test_a_read_key_may_look_and_neither_change_nor_reveal_anything(
    client: Client, world: World, route: Route
) -> None:
    looker = mint()
    world.add_customer()
    owner: dict[str, Any] = {"role": "admin", "customerRef": None} if route.access is Access.ADMIN else {}
    world.add_key(looker, scope="read", **owner)
    headers = {"Authorization": f"Bearer {looker.raw}"}
    response = await client.request(route.method, route.path.replace("{id}", "x"), headers=headers)
    if route.method == "GET":
        assert response.status in (200, 400, 404)
    else:
        assert (response.status, await error_of(response)) == (403, "scope_read_only")


async def test_a_key_that_expired_opens_nothing_from_that_second_on(client: Client, world: World) -> None:
    for seconds, status in ((-1, 401), (60, 200)):
        key = mint()
        world.add_key(key, expiresAt=to_rfc3339(utc_now() + timedelta(seconds=seconds)))
        response = await client.get("/v1/keys", headers={"Authorization": f"Bearer {key.raw}"})
        assert response.status == status
        if status == 401:
            assert await error_of(response) == "expired_api_key"


async def test_a_key_is_made_with_the_scope_and_the_life_that_were_asked_for(client: Client, world: World) -> None:
    world.add_customer()
    wanted = {"name": "CI", "scope": "read", "expiresAt": "2099-01-01T01:00:00+01:00"}
    made = await (await client.post("/v1/keys", headers=world.headers, json=wanted)).json()
    assert (made["scope"], made["expiresAt"]) == ("read", "2099-01-01T00:00:00Z")
    usual = await (await client.post("/v1/keys", headers=world.headers, json={"name": "CI"})).json()
    assert usual["scope"] == "full"
    assert "expiresAt" not in usual
    listed = (await (await client.get("/v1/keys", headers=world.headers)).json())["keys"]
    assert {one["id"]: one["scope"] for one in listed}[made["id"]] == "read"


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "tomorrow", 4_000_000_000, "2099-01-01"])
async def test_a_life_that_is_over_or_no_time_is_refused(client: Client, world: World, moment: Any) -> None:
    response = await client.post("/v1/keys", headers=world.headers, json={"name": "CI", "expiresAt": moment})
    assert (response.status, await error_of(response)) == (400, "invalid_request")


async def revoke(client: Client, world: World, key: ApiKey) -> tuple[int, str | None]:
    response = await client.delete(f"/v1/keys/{key.key_id}", headers=world.headers)
    return response.status, None if response.status == 204 else await error_of(response)


async def test_the_last_key_that_can_make_others_is_not_revoked(client: Client, world: World) -> None:
    own = world.parts["keys"].items[world.key.prefix]
    world.add_key(mint(), scope="read")
    world.add_key(mint(), expiresAt=to_rfc3339(utc_now() - timedelta(days=1)))
    world.add_key(mint(), revokedAt=to_rfc3339(utc_now()))
    world.add_key(mint(), customerRef={"name": "another"})
    assert await revoke(client, world, own) == (409, "last_key")
    assert world.parts["keys"].items[world.key.prefix].spec.revoked_at is None
    second = mint()
    world.add_key(second)
    assert await revoke(client, world, own) == (204, None)
    assert world.parts["keys"].items[world.key.prefix].spec.revoked_at is not None


async def test_a_key_that_makes_no_others_is_revoked_whatever_is_left(client: Client, world: World) -> None:
    looker = mint()
    world.add_key(looker, scope="read")
    assert await revoke(client, world, world.parts["keys"].items[looker.prefix]) == (204, None)


async def test_of_two_requests_at_once_on_two_replicas_one_key_stays(world: World) -> None:
    """Each replica has its own turns; what they share is Kubernetes."""
    second = mint()
    world.add_key(second)
    both = (world.key.prefix, second.prefix)
    outcomes = await asyncio.gather(*(issue._revoke(world.kube, name, "c") for name in both), return_exceptions=True)
    assert any(isinstance(outcome, Conflict) and outcome.code == "last_key" for outcome in outcomes)
    assert sum(world.parts["keys"].items[name].spec.revoked_at is None for name in both) >= 1


async def test_a_revocation_that_broke_off_long_ago_does_not_count_as_one(client: Client, world: World) -> None:
    broken_off = mint()
    world.add_key(broken_off)
    asked = {"revocationAskedAt": to_rfc3339(utc_now() - timedelta(minutes=5))}
    await world.kube.keys.merge_status("n", broken_off.prefix, {"status": asked})
    assert await revoke(client, world, world.parts["keys"].items[world.key.prefix]) == (204, None)


async def test_an_administrator_makes_a_key_for_a_customer_whose_keys_are_gone(client: Client, world: World) -> None:
    admin = mint()
    world.add_key(admin, role="admin", customerRef=None)
    world.add_customer()
    for _ in range(5):  # more than a customer may have
        world.add_key(mint())
    headers = {"Authorization": f"Bearer {admin.raw}", "Idempotency-Key": "ticket-7"}
    response = await client.post("/v1/admin/customers/c/keys", headers=headers, json={"name": "after the leak"})
    assert response.status == 201, await response.text()
    raw = (await response.json())["key"]
    assert (await client.get("/v1/accounts", headers={"Authorization": f"Bearer {raw}"})).status == 200
    again = await client.post("/v1/admin/customers/c/keys", headers=headers, json={"name": "after the leak"})
    assert (again.status, await error_of(again)) == (409, "key_already_made")
    for nobody in ("d", "%00", "A"):
        response = await client.post(f"/v1/admin/customers/{nobody}/keys", headers=headers, json={"name": "x"})
        assert (response.status, await error_of(response)) == (404, "customer_not_found")
    response = await client.post("/v1/admin/customers/c/keys", headers=world.headers, json={"name": "x"})
    assert (response.status, await error_of(response)) == (403, "admin_key_required")
    [told] = world.parts["notifications"].items.values()
    assert (told.spec.kind, told.spec.customer_ref.name) == ("KeyCreated", "c")
    assert told.spec.details["by"] == "by an administrator"


async def test_administrators_see_why_a_customer_can_not_pay_and_what_became_of_charges(
    client: Client, world: World
) -> None:
    admin = mint()
    world.add_key(admin, role="admin", customerRef=None)
    world.add_customer()
    headers = {"Authorization": f"Bearer {admin.raw}"}
    before = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    assert before.keys().isdisjoint({"paymentReason", "paymentProblems"})
    told = {"paymentMethod": "missing", "paymentReason": "InvoicePastDue", "paymentProblems": ["Disputed", "Refunded"]}
    await world.kube.customers.merge_status("n", "c", {"status": told})
    after = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    assert told.items() <= after.items()


async def test_the_owner_is_told_of_each_key_once_and_never_gets_the_key_itself(client: Client, world: World) -> None:
    world.add_customer()
    headers = {**world.headers, "Idempotency-Key": "once"}
    made = await (await client.post("/v1/keys", headers=headers, json={"name": "Pay at evil.example"})).json()
    await client.post("/v1/keys", headers=headers, json={"name": "Pay at evil.example"})
    assert (await client.delete(f"/v1/keys/{made['id']}", headers=world.headers)).status == 204
    assert (await client.delete(f"/v1/keys/{made['id']}", headers=world.headers)).status == 204
    told = [one.spec for one in world.parts["notifications"].items.values()]
    assert [each.kind for each in told] == ["KeyCreated", "KeyRevoked"]
    for each in told:
        assert each.details["keyPrefix"] == made["keyPrefix"]
        assert each.details["by"] == f"with your API key aib_{world.key.prefix}"
        assert made["key"] not in str(each)
        assert "evil" not in str(each)


async def test_a_mail_that_cant_be_written_down_fails_no_request_and_is_written_later(
    app: web.Application, client: Client, world: World
) -> None:
    world.add_customer()
    world.parts["notifications"].failure = ApiException(status=500)
    assert (await client.post("/v1/keys", headers=world.headers, json={"name": "CI"})).status == 201
    assert world.parts["notifications"].items == {}
    world.parts["notifications"].failure = None
    await app[NOTIFICATIONS].flush()
    assert len(world.parts["notifications"].items) == 1
    await app[NOTIFICATIONS].flush()
    assert app[NOTIFICATIONS]._unwritten == {}


async def test_a_loop_of_changes_does_not_become_a_loop_of_mails(world: World) -> None:
    notifications = NotificationWriter("n", world.kube.notifications)
    for number in range(100):
        await notifications.notify(NotificationKind.REPOSITORIES_CHANGED, "c", "uid", str(number), repositories="a/b")
    told = list(world.parts["notifications"].items.values())
    assert len(told) == 30
    assert "too often" in told[-1].spec.details["repositories"]


@pytest.mark.parametrize(
    ("spec", "deleted"),
    [
        ({}, False),
        ({"revokedAt": -89}, False),
        ({"revokedAt": -91}, True),
        ({"expiresAt": -89}, False),
        ({"expiresAt": -91}, True),
        ({"expiresAt": 10, "revokedAt": -91}, True),
        ({"role": "admin", "customerRef": None, "revokedAt": -400}, False),
    ],
)
async def test_keys_that_ended_go_after_ninety_days(world: World, spec: dict[str, Any], deleted: bool) -> None:
    key, now = mint(), utc_now()
    moments: dict[str, Any] = {
        field: to_rfc3339(now + timedelta(days=value)) if isinstance(value, int) else value
        for field, value in spec.items()
    }
    world.add_key(key, **moments)
    await delete_old_keys(world.kube, now)
    assert (key.prefix not in world.parts["keys"].items) is deleted


async def test_a_key_that_changed_meanwhile_is_not_deleted(world: World) -> None:
    key, now = mint(), utc_now()
    world.add_key(key, revokedAt=to_rfc3339(now - timedelta(days=100)))
    await world.kube.keys.merge_status("n", key.prefix, {"status": {"lastUsedAt": to_rfc3339(now)}})
    await delete_old_keys(world.kube, now)
    assert key.prefix in world.parts["keys"].items


# --- confirming the e-mail address


def add_link(world: World, *, email: str = "a@example.com", hours: float = 24, secret: str = "s3cret") -> str:  # noqa: S107  # of no use
    """A Notification as the operator leaves it; its token."""
    name = "5b8a54a8-4444-4c11-8a11-0123456789ab"
    token = f"{name}.{secret}"
    confirmation = {
        "email": email,
        "tokenHash": hashlib.sha256(token.encode()).hexdigest(),
        "expiresAt": to_rfc3339(utc_now() + timedelta(hours=hours)),
    }
    body = {"metadata": {"name": name}, "spec": {"kind": "ConfirmEmail", "customerRef": {"name": "c"}}}
    made = Notification.model_validate(body | {"status": {"state": "Sent", "confirmation": confirmation}})
    world.parts["notifications"].items[name] = made
    return token


async def test_only_the_button_confirms_and_the_link_works_once(client: Client, world: World) -> None:
    world.add_customer()
    token = add_link(world)
    page = await client.get("/confirm-email")
    assert page.status == 200
    assert (await client.get("/confirm-email.js")).status == 200
    assert world.parts["customers"].items["c"].spec.confirmed_email is None
    answers = await asyncio.gather(*(client.post("/v1/confirm-email", json={"token": token}) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404, 404]
    assert world.parts["customers"].items["c"].is_confirmed
    assert world.parts["notifications"].items == {}
    again = await client.post("/v1/confirm-email", json={"token": token})
    assert (again.status, await error_of(again)) == (404, "confirmation_not_found")


@pytest.mark.parametrize(
    ("link", "change"),
    [
        ({"hours": -0.01}, str),
        ({}, lambda token: token + "x"),
        ({}, lambda token: token.partition(".")[0]),
        ({}, lambda token: token.upper()),
        ({"email": "before@example.com"}, str),
    ],
    ids=["too old", "longer", "no secret", "another case", "the address was changed"],
)
async def test_a_link_that_is_not_right_confirms_nothing(
    client: Client, world: World, link: dict[str, Any], change: Callable[[str], str]
) -> None:
    world.add_customer()
    response = await client.post("/v1/confirm-email", json={"token": change(add_link(world, **link))})
    assert (response.status, await error_of(response)) == (404, "confirmation_not_found")
    assert world.parts["customers"].items["c"].spec.confirmed_email is None


async def test_the_mail_can_be_asked_for_a_few_times_a_day_until_the_address_is_confirmed(
    client: Client, world: World
) -> None:
    world.add_customer()
    for _ in range(5):
        response = await client.post("/v1/customer/confirmation", headers=world.headers)
        assert response.status == 202
        assert "a@example.com" in (await response.json())["message"]
    response = await client.post("/v1/customer/confirmation", headers=world.headers)
    assert (response.status, await error_of(response)) == (429, "too_many_confirmations")
    assert 0 < int(response.headers["Retry-After"]) <= 86_401
    assert len(world.parts["notifications"].items) == 5
    await world.kube.customers.merge("n", "c", {"spec": {"confirmedEmail": "A@example.com"}})
    response = await client.post("/v1/customer/confirmation", headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "email_confirmed")
