"""Paths and ports: the checkout, the cache outside it, this sandbox's folder, and its ports."""

import os
import socket
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from batteries_sandbox.errors import SandboxError

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT_BASE = 18080


def cache_dir() -> Path:
    """The cache of what takes long to build, outside the checkout, so that a fresh clone finds it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ai-batteries-included"


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each component, counted up from a base, so that two sandboxes can run side by side."""

    base: int

    @property
    def api(self) -> int:
        """The HTTP API."""
        return self.base

    @property
    def api_metrics(self) -> int:
        """The API server's metrics."""
        return self.base + 1

    @property
    def operator_metrics(self) -> int:
        """The operator's metrics."""
        return self.base + 2

    @property
    def operator_health(self) -> int:
        """The operator's /healthz."""
        return self.base + 3

    @property
    def aws(self) -> int:
        """The AWS stand-in."""
        return self.base + 4

    @property
    def stripe(self) -> int:
        """The Stripe stand-in."""
        return self.base + 5

    @property
    def etcd(self) -> int:
        """etcd's clients."""
        return self.base + 6

    @property
    def etcd_peer(self) -> int:
        """etcd's peers, of which there are none."""
        return self.base + 7

    @property
    def kube(self) -> int:
        """kube-apiserver."""
        return self.base + 8

    def all(self) -> range:
        """Every port of this sandbox."""
        return range(self.base, self.base + 9)

    def check_free(self) -> None:
        """Raises:
        SandboxError: one of them is taken.
        """
        for port in self.all():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise SandboxError(
                        f"Port {port} is taken ({error.strerror}). Stop what uses it, or set SANDBOX_PORT_BASE to "
                        f"another base: the sandbox needs {self.base} to {self.base + 8}."
                    ) from error


def free_port_base() -> int:
    """A base whose ports are free now, for tests that run beside anything.

    Each process starts its search elsewhere, far from its neighbours: two that search at the same moment would find the
    same ports free.
    """
    bases = range(21000, 32000, 20)
    first = os.getpid() * 37 % len(bases)
    for base in chain(bases[first:], bases[:first]):
        try:
            Ports(base).check_free()
        except SandboxError:
            continue
        return base
    raise SandboxError("No nine free ports in a row between 21000 and 32000.")


@dataclass(frozen=True, slots=True)
class Paths:
    """This sandbox's folder and ports."""

    folder: Path
    ports: Ports

    @classmethod
    def from_environment(cls) -> "Paths":
        """SANDBOX_DIR (default .sandbox in the checkout) and SANDBOX_PORT_BASE."""
        folder = Path(os.environ.get("SANDBOX_DIR") or CHECKOUT / ".sandbox").resolve()
        text = os.environ.get("SANDBOX_PORT_BASE") or str(DEFAULT_PORT_BASE)
        if not text.isdigit() or not 1024 <= int(text) <= 65000:
            raise SandboxError(f"SANDBOX_PORT_BASE is '{text}'; give a number between 1024 and 65000.")
        return cls(folder, Ports(int(text)))

    @property
    def env_file(self) -> Path:
        """The file that tells scripts all addresses."""
        return self.folder / "env"

    @property
    def logs(self) -> Path:
        """One file a part."""
        return self.folder / "logs"
