"""The real Argo CD on a cluster: its CRDs and configuration, Redis, the repo server and the application controller.

Its API server and page are left out: nothing here needs them, as an Application is an object like any other.
"""

import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batteries_crds.names import GROUP
from batteries_sandbox import argocd
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.helm import CHART
from batteries_sandbox.process import Command, ManagedProcess, answers, until_answers

NAMESPACE = "argocd"
COMPARES_EVERY_SECONDS = 5
"""Three minutes by default; the more often Argo CD compares, the sooner it shows a recurring difference."""
_HEALTH = CHART / "files" / "argocd"
_READY_SECONDS = 60


def health_scripts() -> dict[str, str]:
    """The Lua scripts by which Argo CD determines an object's health, by kind."""
    return {path.stem: path.read_text() for path in sorted(_HEALTH.glob("*.lua"))}


def health_settings() -> dict[str, str]:
    """The same as keys of the ConfigMap argocd-cm."""
    return {f"resource.customizations.health.{GROUP}_{kind}": text for kind, text in health_scripts().items()}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen: on loopback, but for the controller's metrics, whose address can't be chosen."""

    base: int

    @property
    def redis(self) -> int:
        """Redis."""
        return self.base

    @property
    def repo_server(self) -> int:
        """The repo server's gRPC."""
        return self.base + 1

    @property
    def repo_server_metrics(self) -> int:
        """The repo server's metrics and health."""
        return self.base + 2

    @property
    def controller_metrics(self) -> int:
        """The controller's metrics and health."""
        return self.base + 3


async def install(cluster: Cluster, programs: argocd.ArgoCd) -> None:
    """Argo CD's CRDs, its configuration as it comes, and what its API server would add: a key and the first project.

    Raises:
        SandboxError: the cluster does not take them.
    """
    cluster.create_namespace(NAMESPACE)
    files = tuple(f"--filename={path}" for path in programs.manifests)
    cluster.run("apply", "--server-side", f"--namespace={NAMESPACE}", *files)
    # `kubectl wait` fails where the API server has not begun with a CRD yet.
    await until_answers(None, "Argo CD's CRDs", lambda: _is_served(cluster), _READY_SECONDS)
    anything: list[dict[str, str]] = [{"group": "*", "kind": "*"}]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "argocd-secret", "namespace": NAMESPACE},
            "stringData": {"server.secretkey": secrets.token_urlsafe(32)},
        },
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": anything,
            },
        },
    )


def _is_served(cluster: Cluster) -> bool:
    try:
        cluster.run("get", "applications.argoproj.io,appprojects.argoproj.io", f"--namespace={NAMESPACE}")
    except SandboxError:
        return False
    return True


@contextlib.asynccontextmanager
async def running(
    cluster: Cluster, programs: argocd.ArgoCd, redis_server: Path, folder: Path, ports: Ports
) -> AsyncIterator[None]:
    """All three processes, for as long as the block lasts.

    Raises:
        SandboxError: one did not come up.
    """
    environment = _environment(cluster, folder)
    async with contextlib.AsyncExitStack() as stack:
        for command, url in (
            (_redis(redis_server, folder, ports), None),
            (_repo_server(programs, folder, ports, environment), f"127.0.0.1:{ports.repo_server_metrics}"),
            (_controller(programs, folder, ports, environment), f"127.0.0.1:{ports.controller_metrics}"),
        ):
            part = ManagedProcess(command)
            await part.start()
            stack.push_async_callback(part.stop)
            if url is not None:
                health = f"http://{url}/healthz"
                await until_answers(part, command.name, lambda health=health: answers(health), _READY_SECONDS)  # type: ignore[misc]  # bound early
        yield


def _environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    """What both programs of Argo CD need to run outside a pod, and to leave nothing outside `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "KUBECONFIG": str(cluster.kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",  # https://kubernetes.default.svc is the cluster of KUBECONFIG
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_TLS_DATA_PATH": str(folder),
        "ARGOCD_SSH_DATA_PATH": str(folder),
        "ARGOCD_ASK_PASS_SOCK": str(folder / "ask-pass"),
        "ARGOCD_RECONCILIATION_TIMEOUT": f"{COMPARES_EVERY_SECONDS}s",
        "ARGOCD_RECONCILIATION_JITTER": "0s",
    }


def _redis(program: Path, folder: Path, ports: Ports) -> Command:
    options = ("--port", str(ports.redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    argv = (str(program), *options)
    return Command("Redis", argv, {"PATH": os.environ["PATH"]}, folder / "redis.log")


def _repo_server(programs: argocd.ArgoCd, folder: Path, ports: Ports, environment: dict[str, str]) -> Command:
    argv = (
        str(programs.program),
        "--address=127.0.0.1",
        f"--port={ports.repo_server}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={ports.repo_server_metrics}",
        f"--redis=127.0.0.1:{ports.redis}",
        "--disable-tls",
    )
    name = {"ARGOCD_BINARY_NAME": "argocd-repo-server"}
    return Command("Argo CD's repo server", argv, environment | name, folder / "repo-server.log")


def _controller(programs: argocd.ArgoCd, folder: Path, ports: Ports, environment: dict[str, str]) -> Command:
    argv = (
        str(programs.program),
        f"--namespace={NAMESPACE}",
        f"--metrics-port={ports.controller_metrics}",
        f"--redis=127.0.0.1:{ports.redis}",
        f"--repo-server=127.0.0.1:{ports.repo_server}",
        "--repo-server-plaintext",
        # The moment a sync ends Argo CD compares once more, now and then before its own watch has told it of the
        # change; without a pause it would heal at once what needs no healing.
        "--self-heal-backoff-timeout-seconds=0",
        f"--self-heal-timeout-seconds={COMPARES_EVERY_SECONDS}",
        "--persist-resource-health",  # each object's health in the Application's status, where a test reads it
    )
    name = {"ARGOCD_BINARY_NAME": "argocd-application-controller"}
    return Command("Argo CD's controller", argv, environment | name, folder / "controller.log")


def application(example: dict[str, Any], repository: Path, namespace: str) -> dict[str, Any]:
    """An Application like `example`, of a repository on this machine and for another namespace."""
    spec = example["spec"]
    policy = spec["syncPolicy"]
    # Argo CD prunes in the foreground, which the garbage collector of a controller manager ends: there is none here.
    options = [*policy["syncOptions"], "PrunePropagationPolicy=background"]
    changed = {
        "source": spec["source"] | {"repoURL": repository.as_uri()},
        "destination": spec["destination"] | {"namespace": namespace},
        "syncPolicy": policy | {"syncOptions": options},
    }
    return example | {"spec": spec | changed}
