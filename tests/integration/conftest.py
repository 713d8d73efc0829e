"""A real kube-apiserver with our CRDs, once per run; a fresh namespace for each test."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batteries_sandbox import binaries, controlplane
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.places import Ports, free_port_base


@dataclass(frozen=True)
class TestCluster(Cluster):
    """The cluster as its administrator, with namespaces on request."""

    __test__ = False

    def namespace(self) -> str:
        """A fresh namespace."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        self.create_namespace(name)
        return name


@pytest.fixture(scope="session")
def background() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread, for processes that outlive a test's own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()


@pytest.fixture(scope="session")
def cluster(background: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """The running cluster."""
    folder: Path = tmp_path_factory.mktemp("controlplane")
    logs = folder / "logs"
    logs.mkdir()
    programs = binaries.provide()
    starting = controlplane.start(programs, folder / "data", Ports(free_port_base()), logs)
    plane = asyncio.run_coroutine_threadsafe(starting, background).result(timeout=120)
    running = TestCluster(programs.kubectl, plane.kubeconfig)
    running.install_crds()
    yield running
    for part in (plane.kube, plane.etcd):
        asyncio.run_coroutine_threadsafe(part.stop(), background).result(timeout=30)
