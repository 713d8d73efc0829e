"""What administrators see and order, on a real kube-apiserver: every namespace, and who owns which field."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from kubernetes.aio.client import ApiClient, CoreV1Api
from yarl import URL

from batteries_apiserver.app import make_app
from batteries_apiserver.kube.clients import BY_ID, KUBE, Kube
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources, connect
from batteries_crds.names import ANNOTATION_RETRY

Client = TestClient[web.Request, web.Application]
UNKNOWN = "5b8a54a8-3333-4c11-8a11-0123456789ab"


class Cluster(Protocol):
    """What the `cluster` fixture gives."""

    kubeconfig: Any

    def namespace(self) -> str: ...

    def run(self, *arguments: str, stdin: str | None = None) -> str: ...


class World:
    """The API's namespace and a platform team's, and an administrator of the API."""

    def __init__(self, api: ApiClient, home: str, team: str, client: Client, raw_key: str) -> None:
        self.api, self.home, self.team, self.client = api, home, team, client
        self.headers = {"Authorization": f"Bearer {raw_key}"}

    @property
    def kube(self) -> Kube:
        return self.client.server.app[KUBE]  # type: ignore[attr-defined]

    def accounts(self, manager: str = "test") -> Resources[AwsAccount]:
        return Resources(self.api, AwsAccount, manager)

    async def get(self, path: str) -> Any:
        response = await self.client.get(f"/v1/admin/{path}", headers=self.headers)
        assert response.status == 200, await response.text()
        return await response.json()

    async def order(self, account: AwsAccount, verb: str, namespace: str | None = None) -> tuple[int, dict[str, Any]]:
        path = f"/v1/admin/accounts/{account.account_id}/{verb}"
        query = {} if namespace is None else {"namespace": namespace}
        response = await self.client.post(path, headers=self.headers, params=query)
        return response.status, await response.json()

    async def is_suspended(self, namespace: str, name: str) -> bool:
        return (await self.accounts().get(namespace, name)).spec.suspended

    async def until_seen(self, *accounts: AwsAccount) -> list[dict[str, Any]]:
        wanted = {str(account.account_id) for account in accounts}
        async with asyncio.timeout(10):
            while True:
                shown: list[dict[str, Any]] = (await self.get("accounts"))["accounts"]
                if wanted <= {one["accountId"] for one in shown}:
                    return [one for one in shown if one["accountId"] in wanted]
                await asyncio.sleep(0.02)


@pytest.fixture
async def world(
    cluster: Cluster, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[World]:
    home, team = cluster.namespace(), cluster.namespace()
    settings = Settings(kubeconfig=str(cluster.kubeconfig), namespace=home)
    async with await connect(str(cluster.kubeconfig)) as api:
        client = await aiohttp_client(make_app(settings))
        secret = await first_key(api, home)
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status != 200:
                await asyncio.sleep(0.02)
        yield World(api, home, team, client, secret)


async def first_key(api: ApiClient, namespace: str) -> str:
    """The first administrator's key, from its Secret, once it and its ApiKey are there."""
    async with asyncio.timeout(10):
        while True:
            secrets = (await CoreV1Api(api).list_namespaced_secret(namespace)).items
            keys = await Resources(api, ApiKey, "test").page(namespace)
            if secrets and keys.items:
                return base64.b64decode((secrets[0].data or {})["key"]).decode()
            await asyncio.sleep(0.05)


MADE_BY = ["apply", "create", "server-side apply"]


async def make(cluster: Cluster, world: World, how: str) -> AwsAccount:
    text = (
        "apiVersion: aibatteriesincluded.com/v1\nkind: AwsAccount\nmetadata: {name: team-a}\n"
        "spec: {email: a@example.com}\n"
    )
    verb = {"apply": ("apply",), "create": ("create",), "server-side apply": ("apply", "--server-side")}[how]
    await asyncio.to_thread(cluster.run, *verb, f"--namespace={world.team}", "-f", "-", stdin=text)
    return await world.accounts().get(world.team, "team-a")


@pytest.mark.parametrize("how", MADE_BY)
async def test_an_account_of_a_platform_team_is_seen_suspended_and_resumed(
    cluster: Cluster, world: World, how: str
) -> None:
    account = await make(cluster, world, how)
    [shown] = await world.until_seen(account)
    assert (shown["namespace"], shown["name"], shown["owner"]) == (world.team, "team-a", "a@example.com")
    for verb, status, wish in (
        ("suspend", "suspended", True),
        ("suspend", "suspended", True),
        ("resume", "pending", False),
    ):
        code, answer = await world.order(account, verb)
        assert code == 200, answer
        assert answer["accountId"] == str(account.account_id)
        assert answer["status"] == status
        assert {"provisioningStep", "updatedAt"} <= answer.keys()
        assert (await world.accounts().get(world.team, "team-a")).spec.suspended is wish


async def test_where_somebody_else_decides_on_suspension_the_answer_says_who(cluster: Cluster, world: World) -> None:
    spec = {"email": "a@example.com", "suspended": False}
    account = await world.accounts("argocd-controller").apply(world.team, "team-b", {"spec": spec})
    await world.until_seen(account)
    code, answer = await world.order(account, "suspend")
    assert (code, answer["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in answer["error"]


async def test_what_kubectl_suspended_an_administrator_may_resume(cluster: Cluster, world: World) -> None:
    account = await make(cluster, world, "create")
    await world.until_seen(account)
    for suspended, verb in ((True, "resume"), (False, "suspend")):
        patch = json.dumps({"spec": {"suspended": suspended}})
        where = f"--namespace={world.team}"
        await asyncio.to_thread(cluster.run, "patch", where, "awsaccount", "team-a", "--type=merge", "--patch", patch)
        async with asyncio.timeout(10):  # an order changes nothing until the cache knows what kubectl did
            while (await world.accounts().get(world.team, "team-a")).spec.suspended is suspended:
                code, answer = await world.order(account, verb)
                assert code == 200, answer


async def test_only_what_was_given_up_can_be_tried_again_and_the_operator_is_told_each_time(
    cluster: Cluster, world: World
) -> None:
    account = await make(cluster, world, "apply")
    await world.until_seen(account)
    assert (await world.order(account, "retry"))[1]["code"] == "nothing_to_retry"
    status = {"phase": "failed", "steps": {"create_account": {"gaveUpAt": account.metadata.generation}}}
    await world.accounts().merge_status(world.team, "team-a", {"status": status})
    told = set()
    for _ in range(3):
        code, answer = await world.order(account, "retry")
        assert code == 200, answer
        told.add((await world.accounts().get(world.team, "team-a")).metadata.annotations[ANNOTATION_RETRY])
    assert len(told) == 3


async def test_an_order_for_an_account_that_is_not_there_is_a_404(world: World) -> None:
    for account_id in (UNKNOWN, "x", "%00"):
        for verb in ("suspend", "resume", "retry"):
            response = await world.client.post(f"/v1/admin/accounts/{account_id}/{verb}", headers=world.headers)
            assert (response.status, (await response.json())["code"]) == (404, "account_not_found")


async def twins(world: World, *namespaces: str) -> AwsAccount:
    """An account of the same id in each of them, of which the API knows."""
    spec, name = {"spec": {"email": "a@example.com"}}, str(uuid4())
    made = [await world.accounts().apply(namespace, name, spec) for namespace in namespaces]
    async with asyncio.timeout(10):
        while True:
            shown = (await world.get("accounts"))["accounts"]
            if {one["namespace"] for one in shown if one["accountId"] == name} == {*namespaces}:
                return made[0]
            await asyncio.sleep(0.02)


async def test_of_one_id_in_two_namespaces_the_apis_own_is_meant(world: World) -> None:
    account = await twins(world, world.home, world.team)
    for verb, wish in (("suspend", True), ("resume", False)):
        assert (await world.order(account, verb))[0] == 200
        assert await world.is_suspended(world.home, account.metadata.name) is wish
        assert not await world.is_suspended(world.team, account.metadata.name)
    assert (await world.get(f"accounts/{account.account_id}"))["namespace"] == world.home


async def test_a_namespace_says_which_of_two_is_meant(world: World) -> None:
    account = await twins(world, world.home, world.team)
    assert (await world.order(account, "suspend", world.team))[0] == 200
    assert await world.is_suspended(world.team, account.metadata.name)
    assert not await world.is_suspended(world.home, account.metadata.name)
    assert (await world.get(f"accounts/{account.account_id}?namespace={world.team}"))["namespace"] == world.team
    assert (await world.order(account, "retry", world.team))[1]["code"] == "nothing_to_retry"


async def test_the_apis_own_is_meant_even_where_only_the_other_is_known_yet(world: World, monkeypatch: Any) -> None:
    account = await twins(world, world.home, world.team)
    cache = world.kube.caches.accounts
    only_elsewhere = [one for one in cache.find(BY_ID, str(account.account_id)) if one.metadata.namespace == world.team]
    monkeypatch.setattr(cache, "find", lambda index, value: only_elsewhere)
    assert (await world.order(account, "suspend"))[0] == 200
    assert await world.is_suspended(world.home, account.metadata.name)
    assert not await world.is_suspended(world.team, account.metadata.name)


async def test_of_two_elsewhere_none_is_meant_until_a_namespace_says_which(cluster: Cluster, world: World) -> None:
    third = cluster.namespace()
    account = await twins(world, world.team, third)
    for verb in ("suspend", "resume", "retry"):
        code, answer = await world.order(account, verb)
        assert (code, answer["code"]) == (409, "ambiguous_account")
        assert world.team in answer["error"]
        assert "?namespace=" in answer["error"]
    assert (await world.order(account, "suspend", third))[0] == 200
    assert await world.is_suspended(third, account.metadata.name)


async def test_a_namespace_without_such_an_account_or_that_is_none_is_told_so(world: World) -> None:
    account = await twins(world, world.home)
    code, answer = await world.order(account, "suspend", world.team)
    assert (code, answer["code"]) == (404, "account_not_found")
    assert f"in the namespace {world.team}" in answer["error"]
    for wrong in ("", "../x", "A", "x" * 64):
        assert (await world.order(account, "suspend", wrong))[0] == 400
    assert not await world.is_suspended(world.home, account.metadata.name)


async def test_a_namespace_that_is_not_watched_is_told_so(
    cluster: Cluster, world: World, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> None:
    settings = Settings(kubeconfig=str(cluster.kubeconfig), namespace=world.home, namespaces=world.home)
    client = await aiohttp_client(make_app(settings))
    async with asyncio.timeout(10):
        while (await client.get("/readyz")).status != 200:
            await asyncio.sleep(0.02)
    account = await twins(world, world.team)
    path = f"/v1/admin/accounts/{account.account_id}/suspend?namespace={world.team}"
    response = await client.post(path, headers=world.headers)
    answer = await response.json()
    assert (response.status, answer["code"]) == (400, "invalid_request")
    assert f"does not watch the namespace {world.team}. It watches {world.home}." in answer["error"]
    assert not await world.is_suspended(world.team, account.metadata.name)


async def test_the_events_of_all_namespaces_come_in_order_and_can_be_chosen_from(world: World) -> None:
    path = "events?since=2099-01-01T00:00:00Z"  # later than those of other tests, whose accounts are shown too
    for namespace, seconds in ((world.home, (1, 4)), (world.team, (2, 3))):
        account = await world.accounts().apply(namespace, "a", {"spec": {"email": "a@example.com"}})
        history = [
            {"timestamp": f"2099-11-24T08:00:0{s}Z", "step": "check_status", "status": "failed" if s > 2 else "started"}
            for s in seconds
        ]
        await world.accounts().merge_status(namespace, "a", {"status": {"history": history}})
    async with asyncio.timeout(10):
        while len((await world.get(path))["events"]) < 4:
            await asyncio.sleep(0.02)
    events = (await world.get(path))["events"]
    assert [event["timestamp"][-3:-1] for event in events] == ["01", "02", "03", "04"]
    assert events[1]["accountId"] == events[2]["accountId"] == str(account.account_id)
    failed = (await world.get("events?status=failed&since=2099-11-24T09:00:04%2B01:00"))["events"]
    assert [event["timestamp"][-3:-1] for event in failed] == ["04"]
    response = await world.client.get(f"/v1/admin/{path}&limit=3", headers=world.headers)
    following = await world.client.get(str(URL(response.links["next"]["url"]).relative()), headers=world.headers)
    assert [event["timestamp"][-3:-1] for event in (await following.json())["events"]] == ["04"]
    for query in ("status=done", "since=yesterday", "since=2026-11-24T08:00:00", "limit=0", "limit=x"):
        refused = await world.client.get(f"/v1/admin/events?{query}", headers=world.headers)
        assert (refused.status, (await refused.json())["code"]) == (400, "invalid_request"), query
