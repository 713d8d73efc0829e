"""POST /accounts beside bare creation of custom resources."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import mean, median
from typing import Any
from uuid import uuid4

from bench.api_load import Load, Request, press, write_requests
from bench.api_world import World
from bench.figure import Figure, Goal
from bench.part import Scale
from kubernetes.aio.client import ApiClient, CustomObjectsApi

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources, connect
from batteries_crds.names import API_VERSION, GROUP, LABEL_CUSTOMER, VERSION
from batteries_sandbox.cluster import NAMESPACE

_AT_ONCE = 16
_LONGER = 2
"""A press for writes is so many times as long as one for reads."""
_REPOSITORIES = ["my-org/my-app", "my-org/infra"]


async def creation(world: World, scale: Scale) -> list[Figure]:
    """The API server sees its own namespace alone, so that it has no part in what is created bare in another.

    A round of kube-apiserver's garbage collection takes seconds of CPU with 30,000 accounts in its memory, and comes
    once in several presses: their mean counts, as each creation brings the next one nearer.
    """
    bare_space = "bare-creations"
    await asyncio.to_thread(world.cluster.cluster.create_namespace, bare_space)
    body = json.dumps({"githubRepos": _REPOSITORIES})
    requests = write_requests(
        world.folder / "post.txt", (Request("/v1/accounts", each.key, body) for each in world.customers)
    )
    limits: list[float] = []
    thin: list[float] = []
    ours: list[Load] = []
    async with world.replica(namespaces=NAMESPACE) as replica:
        for _ in range(scale.rounds):
            async with await connect(str(world.cluster.plane.kubeconfig)) as api:
                limits.append(await _bare_creations(world, _generated(api, bare_space), _LONGER * scale.press_seconds))
                thin.append(await _bare_creations(world, _thin(api, bare_space), _LONGER * scale.press_seconds))
            ours.append(await press(replica.url, requests, _LONGER * scale.press_seconds, _AT_ONCE))
    failed = sum(load.failed for load in ours)
    if failed:
        raise RuntimeError(f"{failed} POSTs failed")
    rate, p99 = mean(load.rate for load in ours), median(load.p99 for load in ours)
    what = f"POST /accounts, {_AT_ONCE} at a time"
    return [
        Figure(
            "api_post_account",
            what,
            rate,
            "1/s",
            Goal("at least", 0.70),
            mean(limits),
            "bare creation of the same resource by kubernetes.aio, in one process",
            f"p99 {p99:.0f} ms",
        ),
        Figure(
            "api_post_thin",
            "The same, against the client that both programs use, which takes less of that process",
            rate,
            "1/s",
            None,
            mean(thin),
            "bare creation by that client",
        ),
    ]


Create = Callable[[dict[str, Any]], Awaitable[object]]


def _generated(api: ApiClient, namespace: str) -> Create:
    """By the methods of kubernetes.aio that are generated for custom resources."""
    objects = CustomObjectsApi(api)
    return lambda body: objects.create_namespaced_custom_object(GROUP, VERSION, namespace, "awsaccounts", body)


def _thin(api: ApiClient, namespace: str) -> Create:
    """By the client that sends what it is given."""
    accounts = Resources(api, AwsAccount, "bench")
    return lambda body: accounts.create(namespace, body)


async def _bare_creations(world: World, create_one: Create, seconds: float) -> float:
    """Creations a second, as many at a time as the API is asked for."""
    made, end = 0, time.monotonic() + seconds
    begun = time.monotonic()

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
            await create_one(body)
            made += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(create())
    return made / (time.monotonic() - begun)
