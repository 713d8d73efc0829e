"""A cluster with the chart's permissions, and lanes in it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from crash.lane import Lane, Zygote, open_lane

from batteries_sandbox import binaries, control_plane
from batteries_sandbox.cluster import NAMESPACE, Cluster
from batteries_sandbox.paths import Ports, free_port_base

PORTS = 9
"""So many in a row `free_port_base` finds: no more lanes are open at one time."""


@dataclass(frozen=True)
class World:
    """Everything that runs."""

    plane: control_plane.ControlPlane
    cluster: Cluster
    folder: Path
    zygote: Zygote
    first_port: int
    lanes: list[Lane] = field(default_factory=list)

    async def open_lane(self, stack: AsyncExitStack) -> Lane:
        """One more, ended with the stack."""
        number = len(self.lanes)
        port = self.first_port + number % PORTS
        opened = open_lane(number, port, self.cluster, self.plane, self.folder, self.zygote)
        self.lanes.append(await stack.enter_async_context(opened))
        return self.lanes[-1]


async def open_world(stack: AsyncExitStack, folder: Path, lanes: int) -> World:
    """Real etcd and kube-apiserver, and so many lanes; all ended with the stack."""
    programs = binaries.provide()
    plane = await control_plane.start(programs, folder / "controlplane", Ports(free_port_base()), folder)
    stack.push_async_callback(plane.etcd.stop)
    stack.push_async_callback(plane.kube.stop)
    cluster = Cluster(programs.kubectl, plane.kubeconfig)
    await asyncio.to_thread(cluster.install_crds)
    await asyncio.to_thread(cluster.create_namespace, NAMESPACE)
    await asyncio.to_thread(cluster.install_permissions, NAMESPACE)
    zygote = await stack.enter_async_context(Zygote.open())
    world = World(plane, cluster, folder, zygote, free_port_base())
    for _ in range(lanes):
        await world.open_lane(stack)
    return world
