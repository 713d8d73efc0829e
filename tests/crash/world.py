"""A cluster with the chart's permissions, and lanes in it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from crash.lane import Lane, Zygote, open_lane

from batteries_sandbox import binaries, controlplane
from batteries_sandbox.cluster import NAMESPACE, Cluster
from batteries_sandbox.places import Ports, free_port_base


@dataclass(frozen=True)
class World:
    """Everything that runs."""

    plane: controlplane.ControlPlane
    cluster: Cluster
    folder: Path
    lanes: list[Lane]


async def open_world(stack: AsyncExitStack, folder: Path, lanes: int) -> World:
    """Real etcd and kube-apiserver, and so many lanes; all ended with the stack."""
    programs = binaries.provide()
    plane = await controlplane.start(programs, folder / "controlplane", Ports(free_port_base()), folder)
    stack.push_async_callback(plane.etcd.stop)
    stack.push_async_callback(plane.kube.stop)
    cluster = Cluster(programs.kubectl, plane.kubeconfig)
    await asyncio.to_thread(cluster.install_crds)
    await asyncio.to_thread(cluster.create_namespace, NAMESPACE)
    await asyncio.to_thread(cluster.install_permissions, NAMESPACE)
    zygote = await stack.enter_async_context(Zygote.open())
    first = free_port_base()
    opened = [
        await stack.enter_async_context(open_lane(number, first + number, cluster, plane, folder, zygote))
        for number in range(lanes)
    ]
    return World(plane, cluster, folder, opened)
