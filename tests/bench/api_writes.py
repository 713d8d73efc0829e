"""POST /accounts beside bare creation of custom resources."""

import asyncio
import json
import time
from statistics import median
from uuid import uuid4

from bench.api_load import Load, Request, press, write_requests
from bench.api_world import World
from bench.figure import Figure, Goal
from bench.part import Scale
from kubernetes.aio.client import CustomObjectsApi

from batteries_crds.client import connect
from batteries_crds.names import API_VERSION, GROUP, LABEL_CUSTOMER, VERSION
from batteries_sandbox.cluster import NAMESPACE

_AT_ONCE = 16
_REPOSITORIES = ["my-org/my-app", "my-org/infra"]


async def creation(world: World, scale: Scale) -> Figure:
    """The API server sees its own namespace alone, so that it has no part in what is created bare in another."""
    bare_space = "bare-creations"
    await asyncio.to_thread(world.cluster.cluster.create_namespace, bare_space)
    body = json.dumps({"githubRepos": _REPOSITORIES})
    requests = write_requests(
        world.folder / "post.txt", (Request("/v1/accounts", each.key, body) for each in world.customers)
    )
    limits: list[float] = []
    ours: list[Load] = []
    async with world.replica(namespaces=NAMESPACE) as replica:
        for _ in range(scale.rounds):
            limits.append(await _bare_creations(world, bare_space, scale.press_seconds))
            ours.append(await press(replica.url, requests, scale.press_seconds, _AT_ONCE))
    failed = sum(load.failed for load in ours)
    if failed:
        raise RuntimeError(f"{failed} POSTs failed")
    return Figure(
        "api_post_account",
        f"POST /accounts, {_AT_ONCE} at a time",
        median(load.rate for load in ours),
        "1/s",
        Goal("at least", 0.70),
        median(limits),
        "bare creation of the same resource",
        f"p99 {median(load.p99 for load in ours):.0f} ms",
    )


async def _bare_creations(world: World, namespace: str, seconds: float) -> float:
    """Creations a second by kubernetes.aio's own client, as many at a time."""
    made, end = 0, time.monotonic() + seconds
    begun = time.monotonic()
    async with await connect(str(world.cluster.plane.kubeconfig)) as api:
        objects = CustomObjectsApi(api)

        async def create() -> None:
            nonlocal made
            while time.monotonic() < end:
                owner = world.customers[made % len(world.customers)].name
                body = {
                    "apiVersion": API_VERSION,
                    "kind": "AwsAccount",
                    "metadata": {"name": str(uuid4()), "labels": {LABEL_CUSTOMER: owner}},
                    "spec": {"customerRef": {"name": owner}, "githubRepos": _REPOSITORIES},
                }
                await objects.create_namespaced_custom_object(GROUP, VERSION, namespace, "awsaccounts", body)
                made += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(create())
    return made / (time.monotonic() - begun)
