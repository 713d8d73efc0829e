"""What the operator is measured on: a real control plane, an AWS stand-in, and the operator with its own settings.

One lane of the crash harness, without its proxy and its haste: the operator is a process of its own, elects itself by
a Lease, polls and resyncs as it does wherever nothing is set, and talks to kube-apiserver directly.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from bench.etcd import Etcd
from bench.ground import Ground
from crash.lane import FAST, Lane
from crash.world import World
from kubernetes.aio.client import ApiException
from prometheus_client.parser import text_string_to_metric_families

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import READY, is_true
from batteries_sandbox import components
from batteries_sandbox.cluster import NAMESPACE
from batteries_sandbox.process import Command, ManagedProcess

INSTANT = {
    "creation_seconds": 0,
    "role_seconds": 0,
    "assignment_seconds": 0,
    "iam_seconds": 0,
    "identity_center_seconds": 0,
    "organization_write_seconds": 0,
}
"""An AWS without delays."""

AS_IT_COMES = {
    "creation_seconds": 3,
    "role_seconds": 2,
    "assignment_seconds": 2,
    "iam_seconds": 0.3,
    "identity_center_seconds": 0.3,
    "organization_write_seconds": 0.05,
}
"""The sandbox's AWS."""


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 600, every: float = 0.05) -> None:
    """Waits for a condition.

    Raises:
        TimeoutError: with `what` was waited for.
    """
    try:
        async with asyncio.timeout(seconds):
            while not await holds():
                await asyncio.sleep(every)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds:.0f} s: {what}") from None


async def until_rested(process: psutil.Process, what: str, at_least: float = 0) -> None:
    """Returns when the process, having used so many seconds of CPU at least, uses less than a tenth of a core."""
    used = [0.0]

    async def rests() -> bool:
        used.append(sum(process.cpu_times()[:2]))
        return used[-1] > at_least and used[-1] - used[-2] < 0.1

    await until(rests, f"{what} at rest", every=1)


class Stage:
    """The world, and the operator in it."""

    def __init__(self, world: World, folder: Path, http: aiohttp.ClientSession) -> None:
        self.world = world
        self.lane: Lane = world.lanes[0]
        self.etcd = Etcd(http, _option(world.plane.etcd, "--advertise-client-urls="))
        self._folder = folder
        self._http = http
        self._operator: ManagedProcess | None = None
        self._metrics_port = 0

    # The operator.

    async def start(self, **settings: str) -> float:
        """Starts it; the moment at which it was (wall clock)."""
        self._metrics_port = _free_port()
        kept = {name: value for name, value in self.lane.environment.items() if name not in FAST}
        environment = {
            **kept,
            "BATTERIES_KUBECONFIG": str(self._folder / f"{self.lane.namespace}.direct"),
            "BATTERIES_METRICS_PORT": str(self._metrics_port),
            "BATTERIES_HEALTH_PORT": "0",
            "BATTERIES_LEASE_IDENTITY": "bench",  # as a pod's name: a restart takes its own Lease back at once
            "BATTERIES_LEASE_NAMESPACE": NAMESPACE,
            "BATTERIES_LOG_LEVEL": "warning",
            **settings,
        }
        argv = (str(components.BIN / "batteries-operator"), "run")
        self._operator = ManagedProcess(Command("operator", argv, environment, self._folder / "operator.log"))
        began = time.time()
        await self._operator.start()
        return began

    async def stop(self) -> None:
        """Ends it, if it runs."""
        if self._operator is not None:
            await self._operator.stop()
            self._operator = None

    @property
    def process(self) -> psutil.Process:
        """The operator's process."""
        assert self._operator is not None
        if self._operator.ended:
            raise self._operator.gone()
        return psutil.Process(self._operator.pid)

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where the operator does not answer yet."""
        url = f"http://127.0.0.1:{self._metrics_port}/metrics"
        try:
            async with self._http.get(url) as answer:
                text = await answer.text()
        except aiohttp.ClientConnectorError:
            assert self.process  # an operator that ended never answers
            return 0.0
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    async def until_known(self, accounts: int) -> None:
        """Returns when the operator has heard of so many accounts."""

        async def all_known() -> bool:
            leads = await self.metric("batteries_leading") == 1
            return leads and await self.metric("batteries_accounts") >= accounts

        await until(all_known, f"{accounts} accounts known to the operator", every=0.2)

    # AWS.

    async def aws(self, limits: Mapping[str, float], latency: float = 0) -> None:
        """Delays of the stand-in, and what each of its calls takes at least."""
        await self.lane.standin("faults", method="DELETE")
        if latency:
            await self.lane.standin("faults", {"kind": "latency", "seconds": latency, "times": 10**9})
        assert await self.lane.standin("limits", dict(limits)) is not None

    async def last_call(self) -> int:
        """The number of AWS's newest call."""
        return int((await self.lane.standin("health"))["calls"])

    async def calls(self, since: int = 0, operation: str = "") -> list[dict[str, Any]]:
        """AWS's journal."""
        found = await self.lane.standin(f"calls?since={since}&operation={operation}")
        return list(found["calls"])

    # Kubernetes.

    async def create(self, name: str, repositories: list[str], owner: str = "owner@example.com") -> float:
        """Asks for an account; the moment at which that was done (wall clock)."""
        began = time.time()
        spec = {"email": owner, "githubRepos": repositories}
        await self.lane.accounts.create(self.lane.namespace, {"metadata": {"name": name}, "spec": spec})
        return began

    async def version(self) -> str:
        """Where Kubernetes stands now: what changes from here on, a watch from this version tells."""
        return (await self.lane.accounts.page(self.lane.namespace, limit=1)).resource_version

    async def until_active(self, names: set[str], since: str = "", seconds: float = 600) -> float:
        """The moment at which the last of them was Ready (wall clock), as a watch tells; it costs no polling.

        `since` is a version from before they were asked for; without one each is looked at first.

        Raises:
            TimeoutError: with those that are not.
        """
        version = since or await self.version()
        left = {name for name in names if since or not await self._is_ready(name)}
        try:
            async with asyncio.timeout(seconds):
                while left:
                    stream = await self.lane.accounts.watch_from(self.lane.namespace, version, seconds=600)
                    async with stream:
                        async for line in stream.content:
                            left -= _ready(line)
                            if not left:
                                break
        except TimeoutError:
            raise TimeoutError(f"not active within {seconds:.0f} s: {sorted(left)[:5]} of {len(names)}") from None
        return time.time()

    async def _is_ready(self, name: str) -> bool:
        account = await self.lane.find(name)
        return account is not None and is_true(account.status.conditions, READY)

    async def is_served(self) -> bool:
        """Whether kube-apiserver lists accounts yet: of a new CRD it answers 429 for a while."""
        try:
            await self.lane.accounts.page(self.lane.namespace, limit=1)
        except ApiException:
            return False
        return True

    async def versions(self) -> dict[str, int]:
        """When each account was last written to, as etcd counts writes, by key."""
        return await self.etcd.versions(AwsAccount.definition.plural, self.lane.namespace)


def _ready(line: bytes) -> set[str]:
    """The account of a watch event, where it is Ready."""
    if b'"active"' not in line:  # what is measured shares the processor with whoever reads all that is written
        return set()
    event = json.loads(line)
    if event["type"] not in ("ADDED", "MODIFIED"):
        return set()
    account = AwsAccount.model_validate(event["object"])
    return {account.metadata.name} if is_true(account.status.conditions, READY) else set()


def _option(part: ManagedProcess, option: str) -> str:
    return next(each.removeprefix(option) for each in part.command.argv if each.startswith(option))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def open_stage(ground: Ground, *, unused: bool = True) -> AsyncIterator[Stage]:
    """A world and no operator yet, all ended with the block; empty where it is to be `unused`."""
    async with ground.world(unused=unused) as world, aiohttp.ClientSession() as http:
        stage = Stage(world, world.folder, http)
        try:
            await until(stage.is_served, "the AwsAccounts of a new CRD served")
            yield stage
        finally:
            await stage.stop()
