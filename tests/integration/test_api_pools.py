"""What the API says of pools, on a real kube-apiserver and with no more than the chart's permissions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.until import until

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_apiserver.settings import Settings
from batteries_crds.account_pool import AccountPool
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources, connect

Client = TestClient[web.Request, web.Application]
OWNER = "11111111-1111-4111-8111-111111111111"
ACCOUNT = "batteries-apiserver"
ROLE = f"{ACCOUNT}-own"


class World:
    """A namespace with a paying customer and a pool, and the API under the chart's service account."""

    client: Client

    def __init__(self, cluster: Any, namespace: str, key: NewKey, pools: Resources[AccountPool]) -> None:
        self.cluster, self.namespace, self.pools = cluster, namespace, pools
        self.headers = {"Authorization": f"Bearer {key.raw}"}

    @property
    def known(self) -> WatchCache[AccountPool]:
        """The pools that the API has heard of."""
        kube: Kube = self.client.server.app[KUBE]  # type: ignore[attr-defined]
        return kube.caches.prepared.pools

    async def has_ready(self) -> bool:
        """Whether the API has heard of ready accounts."""
        return any(pool.status.ready for pool in self.known.all())

    async def message(self) -> str:
        """What one who requests an account is told."""
        response = await self.client.post("/v1/accounts", headers=self.headers)
        assert response.status == 202, await response.text()
        return str((await response.json())["message"])

    def forbid(self) -> None:
        """As the Role of the release before is, which did not know pools."""
        granted = orjson.loads(self.cluster.run("get", "role", ROLE, f"--namespace={self.namespace}", "-o", "json"))
        rules = [rule for rule in granted["rules"] if "accountpools" not in rule["resources"]]
        assert len(rules) == len(granted["rules"]) - 1
        meta = {"name": ROLE, "namespace": self.namespace}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": rules}
        self.cluster.apply(role)


@pytest.fixture
def forbidden() -> bool:
    """Whether the API server may not read pools."""
    return False


@pytest.fixture
async def world(
    cluster: Any, tmp_path: Path, forbidden: bool, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[World]:
    namespace = cluster.namespace()
    cluster.install_permissions(namespace, namespace)
    kubeconfig = cluster.kubeconfig_for(ACCOUNT, namespace, tmp_path / "token")
    async with await connect(str(cluster.kubeconfig)) as api:
        customers, keys = Resources(api, Customer, "test"), Resources(api, ApiKey, "test")
        await customers.create(namespace, {"metadata": {"name": OWNER}, "spec": {"email": "a@example.com"}})
        await customers.merge_status(namespace, OWNER, {"status": {"paymentMethod": "valid"}})
        key = mint()
        spec = {"customerRef": {"name": OWNER}, "keyPrefix": key.prefix, "keyHash": key.digest}
        await keys.create(namespace, {"metadata": {"name": "first"}, "spec": spec})
        pools = Resources(api, AccountPool, "test")
        await pools.create(namespace, {"metadata": {"name": "spare"}, "spec": {"size": 2}})
        made = World(cluster, namespace, key, pools)
        if forbidden:
            made.forbid()
        settings = Settings(kubeconfig=str(kubeconfig), namespace=namespace, namespaces=namespace)
        made.client = await aiohttp_client(make_app(settings))
        await until(lambda: _is_ready(made.client))
        yield made


async def _is_ready(client: Client) -> bool:
    return (await client.get("/readyz")).status == 200


async def test_the_message_follows_the_pool(world: World) -> None:
    await asyncio.wait_for(world.known.synced.wait(), 60)
    assert (await world.message()).startswith("Asking AWS for the account (")
    await world.pools.merge_status(world.namespace, "spare", {"status": {"ready": 2}})
    await until(world.has_ready)
    assert (await world.message()).startswith("An account of the pool is ready for you: it takes seconds (")
    assert (await world.message()).startswith("Asking AWS"), "two are in line before, for two accounts"


@pytest.mark.parametrize("forbidden", [True])
async def test_an_api_server_that_may_not_read_pools_yet_serves_as_before(world: World) -> None:
    await world.pools.merge_status(world.namespace, "spare", {"status": {"ready": 2}})
    assert not world.known.synced.is_set()
    assert (await world.message()).startswith("Asking AWS for the account (")
    assert await _is_ready(world.client)
