"""Prepares a cluster: CRDs, a namespace, and the service accounts with the chart's permissions.

The operator and the API server run with tokens of those service accounts, so they can do only what the chart grants.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batteries_sandbox import helm
from batteries_sandbox.control_plane import write_kubeconfig
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT

NAMESPACE = "batteries"
PERMISSIONS = ("serviceaccounts", "rbac", "admission-policies")
TOKEN_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as its administrator."""

    kubectl: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs kubectl and returns its output.

        Raises:
            SandboxError: with what it said instead.
        """
        command = [str(self.kubectl), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def paste(self, command: str) -> str:
        """Runs a command of the documentation in a shell in the checkout and returns its output.

        Raises:
            SandboxError: it failed; with what it said.
        """
        path = f"{self.kubectl.parent}:{os.environ['PATH']}"
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}
        words = ["bash", "-euo", "pipefail", "-c", command]
        done = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=90)
        if done.returncode != 0:
            raise SandboxError(f"{command}: {done.stderr}")
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Server-side apply, so that repeating is harmless."""
        text = yaml.safe_dump_all(objects, sort_keys=False)
        self.run("apply", "--server-side", "--field-manager=sandbox", "-f", "-", stdin=text)

    def install_crds(self) -> None:
        """Installs our resources; they are usable when this returns."""
        files = sorted((CHECKOUT / "crds").glob("*.aibatteriesincluded.com.yaml"))
        self.run("apply", "--server-side", "--field-manager=sandbox", *(f"--filename={path}" for path in files))
        self.run("wait", "--for=condition=Established", "--timeout=30s", *(f"--filename={path}" for path in files))

    def create_namespace(self, name: str) -> None:
        """Creates the namespace unless it exists."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def install_permissions(self, namespace: str, *watched: str) -> None:
        """The chart's service accounts, Roles, bindings and admission policies, for the `watched` namespaces or all.

        They are rendered by helm from the chart itself; the names begin with batteries.
        """
        shown = (f"--show-only=templates/{name}.yaml" for name in PERMISSIONS)
        names = f"namespaces.names={{{','.join(watched)}}}" if watched else "namespaces.all=true"
        values = f"--set=fullnameOverride=batteries,{names}"
        text = helm.render(namespace, values, *shown)
        self.run("apply", "--server-side", "--field-manager=sandbox", "-f", "-", stdin=text)

    def kubeconfig_for(self, service_account: str, namespace: str, path: Path) -> Path:
        """A kubeconfig with a token of that service account."""
        token = self.run(
            "create", "token", service_account, f"--namespace={namespace}", f"--duration={TOKEN_SECONDS}s"
        ).strip()
        admin = json.loads(self.run("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        cluster = admin["clusters"][0]["cluster"]
        return write_kubeconfig(path, cluster["server"], cluster["certificate-authority-data"], token)
