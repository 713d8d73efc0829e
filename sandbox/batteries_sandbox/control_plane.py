"""A real etcd and a real kube-apiserver on loopback, with their own certificates and administrator."""

import base64
import secrets
import shutil
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from batteries_sandbox.binaries import Binaries
from batteries_sandbox.paths import Ports
from batteries_sandbox.process import Command, ManagedProcess, until_answers

READY_SECONDS = 60

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
}
"""Audits each service account's requests and the binding that allows them; a test compares them with the chart's
Roles.
"""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The running pair and how to reach it as administrator."""

    etcd: ManagedProcess
    kube: ManagedProcess
    kubeconfig: Path


def write_kubeconfig(path: Path, server: str, ca: str, token: str) -> Path:
    """A kubeconfig with one context; only its owner may read it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "sandbox", "user": {"token": token}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
        "current-context": "sandbox",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content))
    return path


async def start(binaries: Binaries, folder: Path, ports: Ports, logs: Path) -> ControlPlane:
    """Starts both from nothing and waits until the API server is ready.

    Raises:
        SandboxError: one did not come up.
    """
    token = secrets.token_urlsafe(24)
    ca_data = _credentials(folder, token)
    etcd = ManagedProcess(_etcd(binaries, folder, ports, logs))
    kube = ManagedProcess(_kube_apiserver(binaries, folder, ports, logs))
    await etcd.start()
    await kube.start()
    server = f"https://127.0.0.1:{ports.kube}"
    trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))

    def ready() -> bool:
        # Ready includes RBAC's bootstrap roles; without them the first writes would be refused.
        request = urllib.request.Request(f"{server}/readyz", headers={"Authorization": f"Bearer {token}"})  # noqa: S310  # our own address
        try:
            with urllib.request.urlopen(request, context=trust, timeout=2) as answer:  # noqa: S310  # our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        await until_answers(kube, "kube-apiserver", ready, READY_SECONDS)
    except BaseException:
        await kube.stop()
        await etcd.stop()
        raise
    return ControlPlane(etcd, kube, write_kubeconfig(folder / "admin.kubeconfig", server, ca_data, token))


def _credentials(folder: Path, token: str) -> str:
    """Certificates, the administrator's token and the key of service account tokens; returns the CA for clients."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ca = trustme.CA()
    server = ca.issue_cert("127.0.0.1", "localhost")
    ca.cert_pem.write_to_path(folder / "ca.crt")
    server.private_key_pem.write_to_path(folder / "server.key")
    for index, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(folder / "server.crt", append=index > 0)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    for name, text in (
        ("audit-policy.yaml", yaml.safe_dump(AUDIT_POLICY)),
        ("service-accounts.key", pem.decode()),
        ("tokens.csv", f'{token},admin,admin,"system:masters"\n'),
    ):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    return base64.b64encode(ca.cert_pem.bytes()).decode()


def _etcd(binaries: Binaries, folder: Path, ports: Ports, logs: Path) -> Command:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    argv = (
        str(binaries.etcd),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # the sandbox's data does not outlive it
        "--log-level=warn",
    )
    return Command("etcd", argv, {}, logs / "etcd.log")


def _kube_apiserver(binaries: Binaries, folder: Path, ports: Ports, logs: Path) -> Command:
    argv = (
        str(binaries.kube_apiserver),
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.kube}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--cert-dir={folder / 'generated'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'service-accounts.key'}",
        f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
        "--service-cluster-ip-range=10.255.0.0/24",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",  # nobody reaches us but by the address given
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={logs / 'audit.log'}",
        "--audit-log-maxsize=100",  # megabytes: thousands of accounts write more
        "--audit-log-maxbackup=1",
        "--v=1",
    )
    return Command("kube-apiserver", argv, {}, logs / "kube-apiserver.log")
