"""Every write names its field manager, so that people can see it for every field."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration, CoordinationV1Api

from batteries_apiserver.accounts import ownership
from batteries_apiserver.admin import actions
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.settings import Settings
from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.kube.client import Resources
from batteries_crds.kube.secrets import Secrets
from batteries_crds.names import LABEL_ACCOUNT_ID
from batteries_operator.controller.passwords import Passwords
from batteries_operator.runtime.leader_election import Lease

WRITES = ("POST", "PUT", "PATCH", "DELETE")
ACCOUNT = {
    "metadata": {"name": "acme", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 1},
    "spec": {"customerRef": {"name": "c"}},
    "status": {"steps": {"create_account": {"inputs": "x", "gaveUpAt": 1}}},
}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: Any


@dataclass
class Recorded:
    """A Kubernetes that returns the same object for every request, and records the requests."""

    answer: dict[str, Any] = field(default_factory=lambda: ACCOUNT)
    requests: list[Request] = field(default_factory=list)
    missing: bool = False
    """Whether there is nothing to read."""

    async def take(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read() or b"null")
        self.requests.append(
            Request(request.method, request.url.raw_path, dict(request.query), request.content_type, body)
        )
        status = 404 if self.missing and request.method == "GET" else 200
        return web.json_response(self.answer, status=status)

    @property
    def managers(self) -> list[tuple[str, str | None]]:
        """Of each write, its method and who it says writes."""
        return [(one.method, one.query.get("fieldManager")) for one in self.requests if one.method in WRITES]


@pytest.fixture
def kubernetes() -> Recorded:
    return Recorded()


@pytest.fixture
async def api(kubernetes: Recorded) -> AsyncIterator[ApiClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", kubernetes.take)
    async with TestServer(app) as server, ApiClient(Configuration(host=str(server.make_url("")).rstrip("/"))) as client:
        yield client


@pytest.fixture
def kube(api: ApiClient) -> Kube:
    return kube_of(api, Settings(namespace="n"))


@pytest.mark.parametrize(
    ("method", "write"),
    [
        ("POST", lambda accounts: accounts.create("n", ACCOUNT)),
        ("PATCH", lambda accounts: accounts.merge("n", "acme", {"spec": {}})),
        ("PATCH", lambda accounts: accounts.merge_status("n", "acme", {"status": {}})),
        ("PATCH", lambda accounts: accounts.apply("n", "acme", {"spec": {}})),
    ],
    ids=["create", "merge", "merge_status", "apply"],
)
async def test_every_write_of_a_resource_says_who_writes(
    kubernetes: Recorded, api: ApiClient, method: str, write: Callable[[Resources[AwsAccount]], Awaitable[AwsAccount]]
) -> None:
    await write(Resources(api, AwsAccount, "somebody"))
    assert kubernetes.managers == [(method, "somebody")]


async def test_an_apply_is_whole_never_forced_and_spares_kubernetes_the_second_reading(
    kubernetes: Recorded, api: ApiClient
) -> None:
    await Resources(api, AwsAccount, "somebody").apply("n", "a/b", {"metadata": {"uid": "u"}, "spec": {"x": 1}})
    [request] = kubernetes.requests
    assert request.path == "/apis/aibatteriesincluded.com/v1/namespaces/n/awsaccounts/a%2Fb"
    assert request.content_type == "application/apply-patch+yaml"
    assert request.query == {"fieldManager": "somebody", "fieldValidation": "Ignore"}, "and no force"
    assert request.body == {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": "a/b", "uid": "u"},
        "spec": {"x": 1},
    }


async def test_the_api_writes_accounts_by_apply_under_its_name(kubernetes: Recorded, kube: Kube) -> None:
    made = await ownership.create(kube, "acme", "c", RepositoryFields(github_repos=["o/r"]), {})
    await ownership.change(kube, made, "c", RepositoryFields())
    assert kubernetes.managers == [("PATCH", "batteries-apiserver")] * 2
    assert {request.query["fieldValidation"] for request in kubernetes.requests} == {"Ignore"}


async def test_an_administrators_suspension_is_written_under_a_name_of_its_own(
    kubernetes: Recorded, kube: Kube
) -> None:
    account = AwsAccount.model_validate(ACCOUNT)
    await actions.suspend(kube, account, True)
    await actions.retry(kube, account)
    assert kubernetes.managers == [("PATCH", "batteries-apiserver-suspension"), ("PATCH", "batteries-apiserver")]
    assert [request.query.get("fieldValidation") for request in kubernetes.requests] == ["Ignore", None]


async def test_the_apis_customers_keys_and_secrets_are_written_under_its_name(kubernetes: Recorded, kube: Kube) -> None:
    kubernetes.answer = {"metadata": {"name": "c"}, "spec": {"email": "a@example.com"}}
    await kube.customers.create("n", kubernetes.answer)
    kubernetes.answer = {"metadata": {"name": "k"}, "spec": {"keyPrefix": "p", "keyHash": "h"}}
    await kube.keys.create("n", kubernetes.answer)
    kubernetes.answer = {"metadata": {"name": "s", "uid": "u", "resourceVersion": "1"}}
    await kube.secrets.create("n", "s", {"key": "x"})
    assert kubernetes.managers == [("POST", "batteries-apiserver")] * 3


async def test_the_operators_secrets_are_written_under_its_name(kubernetes: Recorded, api: ApiClient) -> None:
    passwords, account = Passwords(Secrets(api, "batteries-operator")), AwsAccount.model_validate(ACCOUNT)
    meta = {"labels": {LABEL_ACCOUNT_ID: str(account.account_id)}, "ownerReferences": [account.reference()]}
    meta |= {"name": "s", "uid": "s", "resourceVersion": "1"}
    kubernetes.answer = {"metadata": meta, "data": {"password": "eA=="}}
    await passwords.get_or_create(account, "admin")
    await passwords.mark_set(account)
    assert kubernetes.managers == [("POST", "batteries-operator"), ("PATCH", "batteries-operator")]


async def test_the_lease_is_taken_renewed_and_handed_over_under_the_operators_name(
    kubernetes: Recorded, api: ApiClient
) -> None:
    kubernetes.answer = {"metadata": {"name": "l", "resourceVersion": "1"}, "spec": {"holderIdentity": "first"}}
    lease = Lease(CoordinationV1Api(api), "n", "l", "first", 15)
    kubernetes.missing = True
    await lease.acquire()
    kubernetes.missing = False
    await lease.acquire()
    await lease.release()
    assert kubernetes.managers == [(method, "batteries-operator") for method in ("POST", "PUT", "PUT")]
