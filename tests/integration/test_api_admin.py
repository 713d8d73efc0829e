"""What administrators see and order, on a real kube-apiserver: every namespace, and who owns which field."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from kubernetes.aio.client import ApiClient, CoreV1Api

from batteries_apiserver.app import make_app
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import Resources, connect

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

    def accounts(self, manager: str = "test") -> Resources[AwsAccount]:
        return Resources(self.api, AwsAccount, manager)

    async def get(self, path: str) -> Any:
        response = await self.client.get(f"/v1/admin/{path}", headers=self.headers)
        assert response.status == 200, await response.text()
        return await response.json()

    async def order(self, account: AwsAccount, verb: str) -> tuple[int, dict[str, Any]]:
        path = f"/v1/admin/accounts/{account.account_id}/{verb}"
        response = await self.client.post(path, headers=self.headers)
        return response.status, await response.json()

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
            while (await client.get("/readyz")).status != 200:  # noqa: ASYNC110 - only asking again tells
                await asyncio.sleep(0.02)
        yield World(api, home, team, client, secret)


async def first_key(api: ApiClient, namespace: str) -> str:
    """The first administrator's key, from its Secret, once it and its ApiKey are there."""
    import base64

    async with asyncio.timeout(10):
        while True:
            secrets = (await CoreV1Api(api).list_namespaced_secret(namespace)).items
            keys = await Resources(api, ApiKey, "test").page(namespace)
            if secrets and keys.items:
                return base64.b64decode(secrets[0].data["key"]).decode()
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
