"""Makes a cluster ours: CRDs, a namespace, and the service accounts with the chart's permissions.

The operator and the API server run with tokens of those service accounts, so what the chart does not grant they can't
do here either.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batteries_sandbox.controlplane import write_kubeconfig
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT

NAMESPACE = "batteries"
RULES = CHECKOUT / "helm" / "ai-batteries-included" / "files"
TOKEN_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as its administrator."""

    kubectl: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed.

        Raises:
            SandboxError: with what it said instead.
        """
        command = [str(self.kubectl), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Server-side apply, so that repeating is harmless."""
        text = yaml.safe_dump_all(objects, sort_keys=False)
        self.run("apply", "--server-side", "--field-manager=sandbox", "-f", "-", stdin=text)

    def install_crds(self) -> None:
        """Our three resources, usable when this returns."""
        files = sorted((CHECKOUT / "crds").glob("*.aibatteriesincluded.com.yaml"))
        self.run("apply", "--server-side", "--field-manager=sandbox", *(f"--filename={path}" for path in files))
        self.run("wait", "--for=condition=Established", "--timeout=30s", *(f"--filename={path}" for path in files))

    def create_namespace(self, name: str) -> None:
        """The namespace, if it isn't there."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def install_permissions(self, namespace: str) -> None:
        """Service accounts for both programs, bound to the chart's rules."""
        operator, apiserver = "batteries-operator", "batteries-apiserver"
        self.apply(
            _service_account(operator, namespace),
            _service_account(apiserver, namespace),
            # Both watch accounts in every namespace; customers, keys and Secrets are the API server's only in its own.
            _role("ClusterRole", operator, None, _rules("operator-rules.yaml")),
            _binding("ClusterRole", operator, None, namespace),
            _role("ClusterRole", apiserver, None, _rules("apiserver-cluster-rules.yaml")),
            _binding("ClusterRole", apiserver, None, namespace),
            _role("Role", apiserver, namespace, _rules("apiserver-rules.yaml")),
            _binding("Role", apiserver, namespace, namespace),
        )

    def kubeconfig_for(self, service_account: str, namespace: str, path: Path) -> Path:
        """A kubeconfig with a token of that service account."""
        token = self.run(
            "create", "token", service_account, f"--namespace={namespace}", f"--duration={TOKEN_SECONDS}s"
        ).strip()
        admin = json.loads(self.run("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        cluster = admin["clusters"][0]["cluster"]
        return write_kubeconfig(path, cluster["server"], cluster["certificate-authority-data"], token)


def _rules(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((RULES / name).read_text())
    return loaded


def _service_account(name: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _metadata(name: str, namespace: str | None) -> dict[str, str]:
    return {"name": name} if namespace is None else {"name": name, "namespace": namespace}


def _role(kind: str, name: str, namespace: str | None, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "rules": rules,
    }


def _binding(role_kind: str, name: str, namespace: str | None, subject_namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{role_kind}Binding",
        "metadata": _metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": subject_namespace}],
    }
