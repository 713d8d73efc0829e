"""Where the walk happens: a real API server with two namespaces, one AWS, and one operator that is kept running."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientError
from aiohttp.test_utils import unused_port
from crash import clock
from crash.lane import Lane
from crash.world import World, open_world
from kubernetes.aio.client import CoreV1Api

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_sandbox import components
from batteries_sandbox.cluster import NAMESPACE
from batteries_sandbox.helm import CHART

FIRST, SECOND = "weather-a", "weather-b"
OPERATOR = "batteries-operator"
REMEDY = "operator-while-a-namespace-ends"
RBAC = "rbac.authorization.k8s.io"
SILENCE_SECONDS = 100.0
"""Until /healthz tells that no watch is heard of; bookmarks come each minute."""

GIVEN_BACK_SECONDS = 20.0
"""A watch that was refused is asked for again every fifteen seconds at the latest."""

STOP_SECONDS = 10.0


@dataclass
class Scene:
    """Everything that acts and checks ask; times are seconds since the beginning."""

    world: World
    homes: dict[str, Lane]
    customers: Resources[Customer]
    clock: Path
    health: str
    started: float = field(default_factory=time.monotonic)
    forbidden_since: dict[str, float] = field(default_factory=dict)
    """Namespaces that the operator may not read, and since when."""
    health_lies: list[str] = field(default_factory=list)
    ended_by_itself: list[float] = field(default_factory=list)
    _silent_at: float = -1000.0
    _seen: tuple[int, float] = (0, 0.0)
    """The operator's process, and since when it is this one."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def lane(self) -> Lane:
        """The one lane, in its first namespace; the others share all of it but that."""
        return self.homes[FIRST]

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started

    # The operator.

    async def start(self) -> None:
        """A new operator process."""
        async with self._turn:
            await self.lane.start()

    async def kill(self) -> None:
        """kill -9, and another one, as a Deployment has it."""
        async with self._turn:
            await self.lane.restart()

    async def stop(self) -> float:
        """SIGTERM; how long the process took to end.

        Raises:
            TimeoutError: it did not end in ten seconds.
        """
        async with self._turn:
            asked = time.monotonic()
            os.kill(self.lane.pid, signal.SIGTERM)
            async with asyncio.timeout(STOP_SECONDS):
                while _lives(self.lane.pid):
                    await asyncio.sleep(0.05)
            self.lane.pid = 0
            return time.monotonic() - asked

    async def keep(self) -> None:
        """Starts the operator again where it ended by itself, and holds its health against what is so."""
        while True:
            async with self._turn:
                if self.lane.pid and not _lives(self.lane.pid):
                    self.ended_by_itself.append(self.now)
                    print(f"{self.now:6.1f} s  the operator ended by itself; another one is started", flush=True)
                    await self.lane.start()
            await self._compare_health()
            await asyncio.sleep(1)

    async def healthy(self) -> bool | None:
        """What /healthz says; None where nobody answers."""
        with contextlib.suppress(ClientError, OSError):
            async with self.lane.http.get(self.health) as answer:
                return answer.status == 200
        return None

    async def _compare_health(self) -> None:
        said = await self.healthy()
        if self._seen[0] != self.lane.pid:
            self._seen = self.lane.pid, self.now
        since = max(self.forbidden_since.values()) if len(self.forbidden_since) == len(self.homes) else None
        # A process counts the silence from its own start.
        silent = self.now - max(since, self._seen[1]) if since is not None else 0.0
        if since is not None:
            self._silent_at = self.now
        just_given_back = self.now - self._silent_at < GIVEN_BACK_SECONDS
        if (
            said is False and silent < SILENCE_SECONDS - 60 and not just_given_back
        ):  # a bookmark may have been the last thing heard
            self.health_lies.append(f"{self.now:.0f} s: not healthy, and the watches were refused for {silent:.0f} s")
        if said is True and silent > SILENCE_SECONDS + 15:
            self.health_lies.append(f"{self.now:.0f} s: healthy, and no watch was let through for {silent:.0f} s")

    async def command(self, *words: str) -> tuple[int, str, str]:
        """`batteries-operator ...`: its exit status, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            str(components.BIN / "batteries-operator"),
            *words,
            env=self.lane.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    # The cluster.

    async def everything(self) -> list[AwsAccount]:
        """Every AwsAccount in both namespaces."""
        return [each for name in self.homes for each in [one async for one in self.lane.accounts.all(name)]]

    async def forbid(self, namespace: str) -> None:
        """The operator may not read the namespace any more; a watch that runs is cut, as it is in time."""
        await self._kubectl("delete", "rolebinding", OPERATOR, f"--namespace={namespace}", "--ignore-not-found")
        self.forbidden_since.setdefault(namespace, self.now)
        self.lane.proxy.cut()

    async def permit(self, namespace: str) -> None:
        """It may again."""
        body = _binding("RoleBinding", OPERATOR, "Role", OPERATOR) | {
            "metadata": {"name": OPERATOR, "namespace": namespace}
        }
        await asyncio.to_thread(self.world.cluster.apply, body)
        self.forbidden_since.pop(namespace, None)

    async def end_namespace(self, namespace: str) -> None:
        """Deletes it with all that is in it, as its controller does, which this control plane lacks.

        Roles and RoleBindings go with the rest and at once, so the operator may not let go of its accounts; nothing
        can be made in the namespace any more. The remedy is a binding for the whole cluster, until it is gone.
        """
        await self._kubectl("delete", "namespace", namespace, "--wait=false")
        kinds = "rolebindings,roles,secrets,customers,notifications,events"
        await self._kubectl("delete", kinds, "--all", f"--namespace={namespace}", "--wait=false")
        await self._kubectl("delete", "awsaccounts", "--all", f"--namespace={namespace}", "--wait=false")
        self.forbidden_since.setdefault(namespace, self.now)
        self.lane.proxy.cut()
        await asyncio.to_thread(
            self.world.cluster.apply,
            _watched_role(),
            _binding("ClusterRoleBinding", REMEDY, "ClusterRole", REMEDY),
        )
        self.forbidden_since.pop(namespace, None)

    async def is_empty(self, namespace: str) -> bool:
        """Whether the operator has let go of every account in it."""
        return not [each async for each in self.lane.accounts.all(namespace)]

    async def begin_namespace(self, namespace: str) -> None:
        """Ends the deletion of an empty namespace, and makes it again with the chart's Roles in it."""
        core = CoreV1Api(self.lane.api)
        body: Any = {"metadata": {"name": namespace}, "spec": {"finalizers": []}}
        await core.replace_namespace_finalize(namespace, body)
        self.forbidden_since.setdefault(namespace, self.now)
        await self._kubectl("delete", "clusterrolebinding", REMEDY, "--ignore-not-found")
        cluster = self.world.cluster
        await asyncio.to_thread(cluster.create_namespace, namespace)
        await asyncio.to_thread(cluster.install_permissions, NAMESPACE, *self.homes)
        self.forbidden_since.pop(namespace, None)

    async def _kubectl(self, *words: str) -> str:
        return await asyncio.to_thread(self.world.cluster.run, *words)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _binding(kind: str, name: str, role_kind: str, role: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE}],
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
    }


def _watched_role() -> dict[str, Any]:
    rules = yaml.safe_load((CHART / "files" / "operator-rules.yaml").read_text())
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": REMEDY}, "rules": rules}


@asynccontextmanager
async def open_scene(folder: Path, resync_seconds: float) -> AsyncIterator[Scene]:
    """All of it, with a prepared organization and no operator yet."""
    async with AsyncExitStack() as stack:
        world = await open_world(stack, folder, 1)
        for namespace in (FIRST, SECOND):
            await asyncio.to_thread(world.cluster.create_namespace, namespace)
        await asyncio.to_thread(world.cluster.install_permissions, NAMESPACE, FIRST, SECOND)
        port, clock_file = unused_port(), folder / "clock"
        clock.turn(clock_file, 0)
        environment = {
            **world.lanes[0].environment,
            "BATTERIES_NAMESPACES": f"{FIRST},{SECOND}",
            "BATTERIES_RESYNC_SECONDS": str(resync_seconds),
            "BATTERIES_HEALTH_PORT": str(port),
            "BATTERIES_WATCH_SILENCE_SECONDS": str(SILENCE_SECONDS),
            "BATTERIES_BREAKER_PERCENT": "100",
            "BATTERIES_LEADER_ELECTION": "true",
            "BATTERIES_LEASE_NAMESPACE": NAMESPACE,
            "BATTERIES_LEASE_IDENTITY": "weather",
            clock.VARIABLE: str(clock_file),
        }
        lane = replace(world.lanes[0], environment=environment, namespace=FIRST)
        homes = {FIRST: lane, SECOND: replace(lane, namespace=SECOND)}
        customers = Resources(lane.api, Customer, "harness")
        scene = Scene(world, homes, customers, clock_file, f"http://127.0.0.1:{port}/healthz")
        stack.push_async_callback(lane.kill)
        yield scene
