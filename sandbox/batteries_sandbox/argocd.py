"""Argo CD's programs, built once from source at a pinned version: one binary that is each of them by its name."""

from pathlib import Path

from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.places import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "argocd"
_MODULE = "github.com/argoproj/argo-cd/v3"


def provide() -> Path:
    """The binary; ARGOCD_BINARY_NAME in its environment says which of Argo CD's programs it is.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool("argocd", SOURCE, f"{_MODULE}/cmd", _MODULE, seconds=400)


if __name__ == "__main__":
    print(provide())
