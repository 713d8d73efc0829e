"""What the API server is measured in: the real control plane, an operator with an AWS stand-in, and API servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil
from aiohttp.test_utils import unused_port
from bench.api_seed import Customer, Templates, key_spec, seed
from bench.etcd import Etcd
from bench.ground import Ground
from bench.stage import until_rested
from crash.lane import Lane
from crash.lives import at_rest
from crash.world import World as Cluster

from batteries_apiserver.auth.key_format import mint
from batteries_crds.api_key import ApiKey
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer as CustomerResource
from batteries_crds.kube.client import Resources
from batteries_sandbox import components
from batteries_sandbox.cluster import NAMESPACE
from batteries_sandbox.paths import Paths, Ports
from batteries_sandbox.process import Command, ManagedProcess, answers, until_answers

READY_SECONDS = 180
_STRIPE = components.Stripe("http://127.0.0.1:9", "sk_test_bench", "whsec_bench")
"""Nobody: no payment is old enough to be asked about."""

_HIGH = "1000000000"
"""A limit that is never reached, so that counting towards it is measured with the rest."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A running API server."""

    url: str
    part: ManagedProcess

    @property
    def pid(self) -> int:
        """Its process."""
        return self.part.pid


@dataclass
class World:
    """The cluster, what is in it, and how to start API servers on it."""

    cluster: Cluster
    etcd: Etcd
    templates: Templates
    admin_key: str
    kubeconfig: Path
    folder: Path
    customers: list[Customer] = field(default_factory=list)

    @property
    def lane(self) -> Lane:
        """The operator and its AWS."""
        return self.cluster.lanes[0]

    async def grow_to(self, accounts: int) -> None:
        """Adds customers until there are so many accounts, and kube-apiserver has taken them in."""
        more = accounts // 10 - len(self.customers)
        if more > 0:
            self.customers += await seed(self.etcd, self.templates, NAMESPACE, more, late=not self.customers)
        await until_rested(psutil.Process(self.cluster.plane.kube.pid), "kube-apiserver")

    @asynccontextmanager
    async def replica(self, *, namespaces: str = "", **settings: str) -> AsyncIterator[Replica]:
        """`batteries-apiserver run` under the chart's permissions, with its own settings but for the rate limits and
        for these (`PUBLIC_URL="…"`)."""
        port = unused_port()
        paths = Paths(self.folder / f"api-{port}", Ports(port))
        paths.logs.mkdir(parents=True)
        command = components.apiserver(paths, _STRIPE, self.kubeconfig)
        environment = {
            **command.environment,
            **dict.fromkeys(("BATTERIES_RATE_LIMIT_ANONYMOUS", "BATTERIES_RATE_LIMIT_KEY"), _HIGH),
            "BATTERIES_NAMESPACES": namespaces,
            **{f"BATTERIES_{name}": value for name, value in settings.items()},
            "BATTERIES_API_PORT": str(port),
            "BATTERIES_API_METRICS_PORT": "0",
        }
        part = ManagedProcess(Command(command.name, command.argv, environment, command.log))
        url = f"http://127.0.0.1:{port}"
        await part.start()
        try:
            await until_answers(part, command.name, lambda: answers(f"{url}/readyz"), READY_SECONDS)
            yield Replica(url, part)
        finally:
            await part.stop()


@asynccontextmanager
async def open_world(ground: Ground) -> AsyncIterator[World]:
    """A world with no account in the API's namespace, and an operator, with one of its own, that is not running."""
    async with ground.world(unused=False) as cluster, aiohttp.ClientSession() as http:
        etcd, (lane,) = Etcd(http, _etcd_url(cluster)), cluster.lanes
        admin = mint().raw
        await Resources(lane.api, ApiKey, "bench").create(
            NAMESPACE, {"metadata": {"name": "admin"}, "spec": key_spec(admin, role="admin")}
        )
        kubeconfig = await asyncio.to_thread(
            cluster.cluster.kubeconfig_for, "batteries-apiserver", NAMESPACE, cluster.folder / "apiserver.kubeconfig"
        )
        yield World(cluster, etcd, await _templates(lane, etcd), admin, kubeconfig, cluster.folder)


def _etcd_url(cluster: Cluster) -> str:
    option = "--advertise-client-urls="
    return next(each.removeprefix(option) for each in cluster.plane.etcd.command.argv if each.startswith(option))


async def _templates(lane: Lane, etcd: Etcd) -> Templates:
    """One customer, one key of its, and one account that the operator provisions."""
    customer, account, key = (str(uuid4()) for _ in range(3))
    customers = Resources(lane.api, CustomerResource, "bench")
    spec = {"email": "agent@example.com", "stripeCustomerId": "cus_bench"}
    await customers.create(lane.namespace, {"metadata": {"name": customer}, "spec": spec})
    now = to_rfc3339(utc_now())
    paid = {"paymentMethod": "valid", "paymentMethodSince": now, "paymentMethodCheckedAt": now}
    await customers.merge_status(lane.namespace, customer, {"status": paid})
    await Resources(lane.api, ApiKey, "bench").create(
        lane.namespace, {"metadata": {"name": key}, "spec": key_spec(mint().raw, customerRef={"name": customer})}
    )
    owned = {"customerRef": {"name": customer}, "githubRepos": ["my-org/my-app", "my-org/infra"]}
    await lane.accounts.create(lane.namespace, {"metadata": {"name": account}, "spec": owned})
    await lane.start()
    await lane.until(account, at_rest)
    await lane.kill()
    return Templates(
        await etcd.get("awsaccounts", lane.namespace, account),
        await etcd.get("customers", lane.namespace, customer),
        await etcd.get("apikeys", lane.namespace, key),
    )
