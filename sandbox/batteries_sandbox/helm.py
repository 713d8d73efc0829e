"""helm, built once from source at a pinned version, and what the tests and `make` ask of it."""

import os
import subprocess
from pathlib import Path

from batteries_sandbox.binaries import build_go_tool, module_version
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "helm"
CHART = CHECKOUT / "helm" / "ai-batteries-included"
_MODULE = "helm.sh/helm/v4"


def provide() -> Path:
    """The program.

    Raises:
        SandboxError: it can't be built.
    """
    version = module_version(SOURCE, _MODULE)
    flags = f"-X {_MODULE}/internal/version.version={version}"
    return build_go_tool("helm", SOURCE, f"{_MODULE}/cmd/helm", _MODULE, ldflags=flags, seconds=90)


if __name__ == "__main__":
    print(provide())
