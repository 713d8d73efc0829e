"""The operator as a process, with real RBAC: a namespace that can't be read stops nobody, and its end is an end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import unused_port

from batteries_sandbox.aws import serve_in_thread
from batteries_sandbox.errors import SandboxError

GROUP = "aibatteriesincluded.com"
RULES = [
    {"apiGroups": [GROUP], "resources": ["awsaccounts"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": [GROUP], "resources": ["awsaccounts/status"], "verbs": ["patch"]},
    {"apiGroups": [GROUP], "resources": ["customers", "notifications"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
]
SEEN = [
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
]
RBAC = "rbac.authorization.k8s.io"


class Proxy:
    """A TCP proxy, whose connections can be cut: a watch that runs is not asked for its permission again."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self._to))
            self._pairs += [one, other]
            for source, target in ((one, other), (other, one)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        pairs, self._pairs = self._pairs, []
        for each in pairs:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()
        self.cut()


class World:
    """Two namespaces, of which the operator is to serve both."""

    def __init__(self, cluster: Any, folder: Path, aws_url: str) -> None:
        self.cluster, self._folder, self._aws_url = cluster, folder, aws_url
        self.home, self.other = cluster.namespace(), f"other-{unused_port()}"
        self.health, self.metrics = unused_port(), unused_port()
        self._started = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        server = cluster.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
        self.proxy = Proxy(int(server.strip().rsplit(":", 1)[1]))
        subject = {"kind": "ServiceAccount", "name": "operator", "namespace": self.home}
        meta = {"name": f"see-{self.home}"}
        cluster.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator", "namespace": self.home}},
            {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": SEEN},
            {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "operator-work"}, "rules": RULES},
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": meta,
                "subjects": [subject],
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": meta["name"]},
            },
        )
        self.permit(self.home)
        token = folder / "kubeconfig"
        cluster.kubeconfig_for("operator", self.home, token)
        config = yaml.safe_load(token.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.proxy.port}"
        token.write_text(yaml.safe_dump(config))
        self._kubeconfig = token

    def permit(self, namespace: str) -> None:
        subject = {"kind": "ServiceAccount", "name": "operator", "namespace": self.home}
        self.cluster.apply(
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "operator", "namespace": namespace},
                "subjects": [subject],
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "operator-work"},
            }
        )

    def forbid(self, namespace: str) -> None:
        self.cluster.run("delete", "rolebinding", "operator", f"--namespace={namespace}")

    def probe(self, namespace: str, name: str) -> None:
        """An account that waits for its Customer: a visit shows in it, and no AWS is needed."""
        meta = {"name": name, "namespace": namespace}
        spec = {"customerRef": {"name": "nobody"}}
        self.cluster.apply({"apiVersion": f"{GROUP}/v1", "kind": "AwsAccount", "metadata": meta, "spec": spec})

    def is_visited(self, namespace: str, name: str) -> bool:
        text = self.cluster.run("get", "awsaccount", name, f"--namespace={namespace}", "-o", "json")
        conditions = json.loads(text).get("status", {}).get("conditions", [])
        return any(each["reason"] == "CustomerNotFound" for each in conditions)

    def start(self, *code: str, **settings: str) -> subprocess.Popen[bytes]:
        self._started += 1
        environment = {
            **os.environ,
            "BATTERIES_KUBECONFIG": str(self._kubeconfig),
            "BATTERIES_NAMESPACES": f"{self.home},{self.other}",
            "BATTERIES_LEASE_NAMESPACE": self.home,
            "BATTERIES_LEASE_SECONDS": "6",
            "BATTERIES_ACCOUNT_EMAIL_TEMPLATE": "aws+{id}@example.com",
            "BATTERIES_HEALTH_PORT": str(self.health),
            "BATTERIES_METRICS_PORT": str(self.metrics),
            "AWS_ENDPOINT_URL": self._aws_url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": "us-east-1",
            **settings,
        }
        with (self._folder / f"operator-{self._started}.log").open("wb") as log:
            command = [sys.executable, *(code or ("-m", "batteries_operator.cli.main")), "run"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def log(self) -> str:
        return (self._folder / f"operator-{self._started}.log").read_text()

    def up(self, namespace: str) -> float | None:
        """What the metrics say of the namespace."""
        wanted = f'batteries_watch_up{{watched="{namespace}"}} '
        for line in self._get(self.metrics, "/metrics").splitlines():
            if line.startswith(wanted):
                return float(line.removeprefix(wanted))
        return None

    def is_healthy(self) -> bool:
        return "ok" in self._get(self.health, "/healthz")

    @staticmethod
    def _get(port: int, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            return ""

    def holder(self) -> str:
        try:
            where = f"--namespace={self.home}"
            return str(
                self.cluster.run("get", "lease", "batteries-operator", where, "-o", "jsonpath={.spec.holderIdentity}")
            )
        except Exception:
            return ""

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.log()[-6000:]}"
            time.sleep(0.1)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=10)
        self.proxy.close()


@pytest.fixture
def world(cluster: Any, tmp_path: Path) -> Iterator[World]:
    with serve_in_thread() as aws_url:
        opened = World(cluster, tmp_path, aws_url)
        yield opened
        opened.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("why", ["no-binding", "no-namespace"])
def test_a_namespace_that_cannot_be_read_at_the_start_is_served_when_it_can(world: World, why: str) -> None:
    if why == "no-binding":
        world.cluster.create_namespace(world.other)
        world.probe(world.other, "late")
    world.probe(world.home, "first")
    process = world.start()
    world.until(lambda: world.is_visited(world.home, "first"), 60, "the visit of the healthy namespace")
    world.until(lambda: (world.up(world.home), world.up(world.other)) == (1.0, 0.0), 10, "what the metrics say")
    assert world.is_healthy()
    if why == "no-namespace":
        world.cluster.create_namespace(world.other)
        world.probe(world.other, "late")
    world.permit(world.other)
    world.until(lambda: world.is_visited(world.other, "late"), 60, "the visit of the namespace that can be read now")
    world.until(lambda: world.up(world.other) == 1.0, 10, "what the metrics say")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=25) == 0
    assert world.holder() == "", "the Lease is handed over"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("why", ["no-binding", "no-namespace"])
def test_a_namespace_that_goes_while_the_operator_runs_stops_nobody(world: World, why: str) -> None:
    world.cluster.create_namespace(world.other)
    world.permit(world.other)
    world.probe(world.other, "before")
    process = world.start()
    world.until(lambda: world.is_visited(world.other, "before"), 60, "the visit of the second namespace")
    world.forbid(world.other)
    if why == "no-namespace":
        world.cluster.run("delete", "namespace", world.other, "--wait=false")
    world.proxy.cut()
    if why == "no-binding":
        world.until(lambda: world.up(world.other) == 0.0, 30, "the metric of the namespace that is gone")
    world.probe(world.home, "after")
    world.until(lambda: world.is_visited(world.home, "after"), 60, "the visit of the healthy namespace")
    assert process.poll() is None
    assert world.is_healthy()
    if why == "no-binding":
        world.permit(world.other)
        world.probe(world.other, "again")
        world.until(lambda: world.is_visited(world.other, "again"), 60, "the visit when it can be read again")
        world.forbid(world.other)
        world.proxy.cut()
        world.until(lambda: world.up(world.other) == 0.0, 30, "the metric of the namespace that is gone")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=25) == 0, "SIGTERM ends it while a watch is refused"
    assert world.holder() == ""


KOPF_FAILS = """
import asyncio, os
from kopf._core.engines import daemons
from kopf._core.reactor import orchestration

async def fails(**_):
    while not os.path.exists(os.environ["FAIL"]):
        await asyncio.sleep(0.05)
    raise RuntimeError("the test wants it")

async def hangs(**_):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

orchestration.orchestrator, daemons.daemon_killer = fails, hangs
from batteries_operator.cli import main
raise SystemExit(main.main())
"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["a part fails", "SIGTERM"])
def test_when_kopf_ends_or_hangs_the_process_ends_and_another_takes_over(
    world: World, tmp_path: Path, how: str
) -> None:
    fail = tmp_path / "fail"
    process = world.start("-c", KOPF_FAILS, FAIL=str(fail), BATTERIES_STOP_SECONDS="20")
    world.until(lambda: world.holder() != "" and "operator_started" in world.log(), 60, "the operator's lead")
    first = world.holder()
    begun = time.monotonic()
    if how == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    else:
        fail.touch()
    process.wait(timeout=30)
    assert time.monotonic() - begun < (21 if how == "SIGTERM" else 10.5)
    assert world.holder() == "", "the Lease is handed over"
    world.probe(world.home, "later")
    world.health, world.metrics = unused_port(), unused_port()
    world.start()
    world.until(lambda: world.is_visited(world.home, "later"), 60, "the visit by the next operator")
    assert world.holder() not in ("", first)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("known", [True, False])
def test_a_stored_object_that_the_schema_refuses_is_told_of_and_let_go(world: World, known: bool) -> None:
    """As a release after this one would have written it: its CRD knew a policy that this one does not."""
    name = f"awsaccounts.{GROUP}"
    crd = json.loads(world.cluster.run("get", "crd", name, "-o", "json"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    enum = schema["deletionPolicy"]["enum"]
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/deletionPolicy/enum"

    def accepts(values: list[str]) -> None:
        patch = json.dumps([{"op": "replace", "path": path, "value": values}])
        world.cluster.run("patch", "crd", name, "--type=json", "-p", patch)

    def make() -> bool:
        meta = {"name": "strange", "namespace": world.home, "finalizers": [f"{GROUP}/aws-account"]}
        spec = {"email": "a@example.com", "deletionPolicy": "Shred"}
        try:
            world.cluster.apply({"apiVersion": f"{GROUP}/v1", "kind": "AwsAccount", "metadata": meta, "spec": spec})
        except SandboxError:
            return False
        return True

    accepts([*enum, "Shred"])
    try:
        world.until(make, 20, "the schema that takes it")
        if known:
            patch = json.dumps({"status": {"awsAccountId": "123456789012"}})
            where = ("awsaccount", "strange", f"--namespace={world.home}")
            world.cluster.run("patch", *where, "--subresource=status", "--type=merge", "-p", patch)
    finally:
        accepts(enum)
    world.until(lambda: not _takes(world), 20, "the schema that does not")
    world.start()

    def events() -> str:
        text = world.cluster.run("get", "events", f"--namespace={world.home}", "-o", "json")
        return "\n".join(f"{each['reason']}: {each['message']}" for each in json.loads(text)["items"])

    world.until(lambda: "Unreadable: " in events() and "deletionPolicy" in events(), 60, "the Event")
    world.until(lambda: "batteries_accounts_unreadable 1.0" in world._get(world.metrics, "/metrics"), 10, "the metric")
    world.probe(world.home, "other")
    world.until(lambda: world.is_visited(world.home, "other"), 60, "the visit of another account")
    world.cluster.run("delete", "awsaccount", "strange", f"--namespace={world.home}", "--timeout=60s")
    what = "AWS account 123456789012 stays" if known else "its AWS account, if there is one, stays"
    world.until(lambda: what in events(), 10, "the Event of its release")


def _takes(world: World) -> bool:
    meta = {"name": "probe-schema", "namespace": world.home}
    spec = {"email": "a@example.com", "deletionPolicy": "Shred"}
    body = {"apiVersion": f"{GROUP}/v1", "kind": "AwsAccount", "metadata": meta, "spec": spec}
    try:
        world.cluster.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(body))
    except SandboxError:
        return False
    return True
