"""The chart with the real helm on the real API server: installed, used as its notes say, upgraded, uninstalled.

There is no kubelet here. A stand-in starts each Deployment's containers as processes, with the command, the arguments
and the environment that the API server has of it, and the token of its service account.
"""

import asyncio
import base64
import json
import os
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import yaml

from batteries_sandbox import components, control_plane, helm
from batteries_sandbox.binaries import provide
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.paths import CHECKOUT, Paths, Ports, free_port_base
from batteries_sandbox.process import Command, ManagedProcess, until_answers

T = TypeVar("T")
PREVIOUS = CHECKOUT / "tests" / "fixtures" / "chart-before-crds"
RELEASE = "batteries"
NAME = f"{RELEASE}-ai-batteries-included"
KINDS = ("accountpools", "apikeys", "awsaccounts", "customers", "notifications", "pooledaccounts")
CRDS = [f"{plural}.aibatteriesincluded.com" for plural in KINDS]
SCRAPED = "monitoring.coreos.com/v1/ServiceMonitor"
ROUTED = "gateway.networking.k8s.io/v1/HTTPRoute"
EVERYTHING = {
    "namespaces": {"names": ["default"]},
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "commonLabels": {"team": "platform"},
    "aws": {"roleArn": "arn:aws:iam::123456789012:role/batteries", "existingSecret": "aws"},
    "stripe": {"existingSecret": "stripe", "priceId": "price_1"},
    "operator": {
        "replicas": 2,
        "settings": {"BATTERIES_CREATIONS_IN_FLIGHT": 7},
        "extraEnv": [{"name": "EXTRA", "value": "1"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
        "podLabels": {"one": "two"},
        "podAnnotations": {"three": "four"},
    },
    "api": {
        "autoscaling": {"enabled": True},
        "settings": {"BATTERIES_API_BODY_LIMIT": 10000000, "BATTERIES_API_WAIT_SECONDS": 2.5},
        "affinity": {"podAntiAffinity": {}},
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
    },
    "service": {"annotations": {"a": "b"}},
    "ingress": {"enabled": True, "className": "nginx", "hosts": ["api.example.com"], "tlsSecret": "tls"},
    "networkPolicy": {
        "apiFrom": [{"namespaceSelector": {}}],
        "metricsFrom": [{"podSelector": {}}],
        "extraEgress": [{"ports": [{"port": 8443}]}],
    },
}


@dataclass(frozen=True)
class Bare:
    """A cluster with nothing of ours, an AWS beside it, helm, and what was started on it."""

    loop: asyncio.AbstractEventLoop
    cluster: Cluster
    paths: Paths
    processes: list[ManagedProcess] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, in the loop that processes live in."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=100)

    def helm(self, *arguments: str) -> str:
        """What helm printed; fails with what it said instead."""
        command = [str(helm.provide()), *arguments, f"--kubeconfig={self.cluster.kubeconfig}"]
        folder = self.paths.folder / "helm"
        environment = {**os.environ, "HELM_CACHE_HOME": str(folder), "HELM_CONFIG_HOME": str(folder)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, env=environment)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Objects, as kubectl shows them."""
        return json.loads(self.cluster.run("get", *arguments, "-o", "json"))

    def namespace(self, name: str) -> None:
        """A namespace with the service account that the controller manager, of which there is none here, would make."""
        self.cluster.create_namespace(name)
        self.cluster.run("create", "serviceaccount", "default", f"--namespace={name}")

    def start(self, command: Command, url: str) -> None:
        """Starts a process and waits until it answers."""
        part = ManagedProcess(command)
        self.run(part.start())
        self.processes.append(part)
        self.run(until_answers(part, command.name, lambda: _answers(url), 30))

    def stop(self) -> None:
        """Ends all that was started, last first."""
        while self.processes:
            self.run(self.processes.pop().stop())


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    """A control plane of its own, and the AWS stand-in."""
    helm.provide()
    folder: Path = tmp_path_factory.mktemp("helm")
    paths = Paths(folder, Ports(free_port_base()))
    paths.logs.mkdir()
    programs = provide()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = control_plane.start(programs, folder / "controlplane", paths.ports, paths.logs)
    plane = asyncio.run_coroutine_threadsafe(starting, loop).result(timeout=120)
    world = Bare(loop, Cluster(programs.kubectl, plane.kubeconfig), paths, [plane.etcd, plane.kube])
    try:
        aws = components.given_or_standin_aws(paths)
        world.start(components.aws_standin(paths, aws), f"{aws.endpoint}/_standin/health")
        yield world
    finally:
        world.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)


def _containers(bare: Bare, namespace: str, deployment: str, ports: dict[str, str]) -> str:
    """The stand-in for the kubelet: runs the init containers, starts the container, answers with its address.

    A pod has ports of its own; here every process shares the machine's, so `ports` replaces them.
    """
    spec = bare.get("deployment", deployment, f"--namespace={namespace}")["spec"]["template"]["spec"]
    config = bare.paths.folder / f"{deployment}.kubeconfig"
    bare.cluster.kubeconfig_for(spec["serviceAccountName"], namespace, config)
    for container in spec.get("initContainers", []):
        done = subprocess.run(
            _argv(container),
            env=_environment(bare, namespace, container, config, ports),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    (container,) = spec["containers"]
    probe = container["readinessProbe"]["httpGet"]
    numbers = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    environment = _environment(bare, namespace, container, config, ports)
    wanted = numbers[probe["port"]]
    here = next(name for name, value in _plain(container).items() if name in ports and value == wanted)
    url = f"http://127.0.0.1:{ports[here]}"
    log = bare.paths.logs / f"{deployment}.log"
    bare.start(Command(deployment, tuple(_argv(container)), environment, log), url + probe["path"])
    return url


def _argv(container: dict[str, Any]) -> list[str]:
    program, *rest = container["command"]
    return [str(components.BIN / program), *rest, *container["args"]]


def _plain(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"] if "valueFrom" not in one}


def _of_the_pod(container: dict[str, Any], namespace: str) -> dict[str, str]:
    """What the downward API gives."""
    fields = {"metadata.name": f"{container['name']}-0", "metadata.namespace": namespace}
    taken = {
        one["name"]: one["valueFrom"]["fieldRef"] for one in container["env"] if "fieldRef" in one.get("valueFrom", {})
    }
    return {name: fields[field["fieldPath"]] for name, field in taken.items()}


def _environment(
    bare: Bare, namespace: str, container: dict[str, Any], config: Path, ports: dict[str, str]
) -> dict[str, str]:
    env = {**components.clean_environment(), **_plain(container), **_of_the_pod(container, namespace)}
    # What the pod gets from its service account: the cluster's address and token, and from EKS its AWS credentials.
    env |= {"BATTERIES_KUBECONFIG": str(config), **components.given_or_standin_aws(bare.paths).environment()}
    return env | {name: value for name, value in ports.items() if name in env}


def _prepare_the_organization(bare: Bare) -> None:
    """What the notes have a person do once, and the chart does not."""
    environment = {**components.clean_environment(), **components.given_or_standin_aws(bare.paths).environment()}
    subprocess.run([str(components.BIN / "batteries-operator"), "bootstrap"], env=environment, check=True)


def _commands(notes: str) -> list[str]:
    """The commands in helm's notes, as a person would paste them: paragraphs that begin with kubectl."""
    return [paragraph for paragraph in notes.split("\n\n") if paragraph.startswith("kubectl ")]


def test_the_chart_passes_lint_strictly(bare: Bare) -> None:
    assert "0 chart(s) failed" in bare.helm("lint", "--strict", str(helm.CHART))
    print("proved: helm lint --strict passes")


def test_a_value_that_does_not_exist_is_refused(bare: Bare) -> None:
    with pytest.raises(AssertionError, match=r"additional properties 'replicaz' not allowed"):
        bare.helm("template", RELEASE, str(helm.CHART), helm.REQUIRED, "--set=api.replicaz=3")
    print("proved: a misspelt value is refused")


@pytest.mark.parametrize("command", ["template", "install"])
def test_without_root_e_mail_addresses_nothing_is_rendered_and_helm_says_why(
    bare: Bare, tmp_path: Path, command: str
) -> None:
    empty = tmp_path / "values.yaml"
    empty.touch()
    with pytest.raises(AssertionError, match=r"accountEmailTemplate is not set, and it has no default"):
        bare.helm(command, RELEASE, str(helm.CHART), f"--values={empty}")
    print(f"proved: helm {command} with an empty values file fails and says what to set")


def test_root_e_mail_addresses_may_come_by_every_way_that_settings_do(bare: Bare, tmp_path: Path) -> None:
    name, template = "BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "aws+{id}@acme.io"
    from_secret = {"name": name, "valueFrom": {"secretKeyRef": {"name": "mailbox", "key": "template"}}}
    file = tmp_path / "values.yaml"
    for values in ({"settings": {name: template}}, {"extraEnv": [from_secret]}):
        file.write_text(yaml.safe_dump({"operator": values}))
        assert name in bare.helm("template", RELEASE, str(helm.CHART), f"--values={file}")
    with pytest.raises(AssertionError, match=r"must contain \{id\}"):
        bare.helm("template", RELEASE, str(helm.CHART), "--set=operator.accountEmailTemplate=aws@acme.io")


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_the_api_server_takes_every_object(bare: Bare, tmp_path: Path, values: dict[str, Any]) -> None:
    namespace = f"dry-{len(values)}"
    bare.namespace(namespace)
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    text = helm.render(namespace, f"--values={file}", release=RELEASE)
    objects = [one for one in yaml.safe_load_all(text) if one]
    # Strictly: a field that Kubernetes does not know is an error, not a warning.
    told = bare.cluster.run("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert len(told.splitlines()) == len(objects)
    print(f"proved: the API server takes all {len(objects)} objects")


@pytest.mark.parametrize(
    ("values", "run"),
    [
        ((), ["check"]),
        (("--set=operator.bootstrap=true",), ["bootstrap", "check"]),
        (("--set=operator.check=false",), []),
    ],
)
def test_before_the_operator_nothing_runs_that_writes_unless_asked_for(values: tuple[str, ...], run: list[str]) -> None:
    (deployment,) = [
        one
        for one in yaml.safe_load_all(helm.render("default", *values))
        if one and one["kind"] == "Deployment" and one["metadata"]["name"].endswith("-operator")
    ]
    spec = deployment["spec"]["template"]["spec"]
    assert [container["args"] for container in spec.get("initContainers", [])] == [[each] for each in run]


def test_pods_are_admitted_under_the_restricted_standard(bare: Bare) -> None:
    namespace = "restricted"
    bare.namespace(namespace)
    bare.cluster.run("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    for document in yaml.safe_load_all(helm.render(namespace, release=RELEASE)):
        if not document or document["kind"] not in ("Deployment", "Pod"):
            continue
        pod = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
        pod["serviceAccountName"] = "default"
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace}, "spec": pod}
        bare.cluster.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(body))
    print("proved: every pod is admitted where the restricted standard is enforced")


def test_what_the_cluster_does_not_have_is_not_rendered() -> None:
    asked = ("--set=httpRoute.enabled=true", "--set=httpRoute.parentRefs[0].name=gateway")
    without = helm.render("default", *asked)
    assert "kind: HTTPRoute" not in without
    assert "kind: ServiceMonitor" not in without
    with_both = helm.render("default", *asked, f"--api-versions={SCRAPED}", f"--api-versions={ROUTED}")
    assert "kind: HTTPRoute" in with_both
    assert "kind: ServiceMonitor" in with_both
    print("proved: only what a cluster has is rendered")


def test_a_release_with_no_more_than_it_needs_installs_and_the_notes_work_as_pasted(bare: Bare) -> None:
    namespace = "fresh"
    where = f"--namespace={namespace}"
    bare.helm("install", RELEASE, str(helm.CHART), "--create-namespace", where, helm.REQUIRED)
    _prepare_the_organization(bare)
    base = bare.paths.ports
    api = _containers(
        bare,
        namespace,
        f"{NAME}-apiserver",
        {"BATTERIES_API_PORT": str(base.api), "BATTERIES_API_METRICS_PORT": str(base.api_metrics)},
    )
    _containers(
        bare,
        namespace,
        f"{NAME}-operator",
        {"BATTERIES_HEALTH_PORT": str(base.operator_health), "BATTERIES_METRICS_PORT": str(base.operator_metrics)},
    )
    commands = _commands(bare.helm("get", "notes", RELEASE, f"--namespace={namespace}"))
    assert len(commands) == 3
    shown = [bare.cluster.paste(command) for command in commands]
    assert "condition met" in shown[1]
    assert "first" in shown[2]
    secret = bare.get("secret", "batteries-admin-key", f"--namespace={namespace}")
    key = base64.b64decode(secret["data"]["key"]).decode()
    answer = requests.get(f"{api}/v1/admin/accounts", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    print(
        f"proved: installed with the one value that is required; pasted {len(commands)} commands; the account is ready"
    )
    for part in (bare.processes.pop(), bare.processes.pop()):
        bare.run(part.stop())
    before = bare.get("awsaccount", "first", f"--namespace={namespace}")
    bare.helm("uninstall", RELEASE, f"--namespace={namespace}")
    assert bare.get("awsaccount", "first", f"--namespace={namespace}")["metadata"]["uid"] == before["metadata"]["uid"]
    left = bare.cluster.run(
        "get", "deployments,roles,serviceaccounts,services", f"--namespace={namespace}", "-o", "name"
    )
    assert RELEASE not in left
    print("proved: uninstalled; the CRDs and the account are still there")


def test_an_upgrade_from_the_previous_chart_keeps_the_data(bare: Bare) -> None:
    # An earlier chart had no CRDs: its users applied them by hand, and it rendered no objects at all.
    bare.cluster.install_crds()
    namespace = "upgraded"
    where = f"--namespace={namespace}"
    bare.helm("install", RELEASE, str(PREVIOUS), "--create-namespace", where)
    sample = CHECKOUT / "crds" / "samples" / "awsaccount.yaml"
    bare.cluster.run("create", where, "-f", str(sample))
    before = bare.get("awsaccounts", where)["items"]
    assert before
    bare.helm("upgrade", RELEASE, str(helm.CHART), where, helm.REQUIRED, "--take-ownership", "--force-conflicts")
    bare.helm("upgrade", RELEASE, str(helm.CHART), where, helm.REQUIRED, "--set=api.replicas=3")
    after = bare.get("awsaccounts", where)["items"]
    assert [(one["metadata"]["uid"], one["spec"]) for one in after] == [
        (one["metadata"]["uid"], one["spec"]) for one in before
    ]
    assert bare.get("deployment", f"{NAME}-apiserver", where)["spec"]["replicas"] == 3
    assert [one["status"] for one in json.loads(bare.helm("history", RELEASE, where, "-o", "json"))] == [
        "superseded",
        "superseded",
        "deployed",
    ]
    for crd in bare.get("crd", *CRDS)["items"]:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    bare.helm("uninstall", RELEASE, where)
    assert len(bare.get("awsaccounts", where)["items"]) == len(before)
    print("proved: upgraded from a chart without CRDs with the accounts kept, and uninstalled with them kept")
