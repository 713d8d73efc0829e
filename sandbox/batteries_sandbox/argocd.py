"""Argo CD's programs, built once from source at a pinned version: one binary that acts as each of them by its name.

The files that Argo CD's own installation applies to a cluster are kept beside it: its CRDs and its unchanged
configuration.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.binaries import build_go_tool, module_folder
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "argocd"
_MODULE = "github.com/argoproj/argo-cd/v3"
_MANIFESTS = ("manifests/crds", "manifests/base/config")


@dataclass(frozen=True, slots=True)
class ArgoCd:
    """The binary, and the files of its installation."""

    program: Path
    manifests: tuple[Path, ...]


def provide() -> ArgoCd:
    """Both; ARGOCD_BINARY_NAME in the binary's environment says which of Argo CD's programs it is.

    Raises:
        SandboxError: it can't be built.
    """
    program = build_go_tool("argocd", SOURCE, f"{_MODULE}/cmd", _MODULE, seconds=400)
    folder = program.parent / "manifests"
    if not folder.exists():
        module = module_folder(SOURCE, _MODULE)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for path in (path for name in _MANIFESTS for path in (module / name).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                shutil.copyfile(path, partial / path.name)
        partial.rename(folder)
    return ArgoCd(program, tuple(sorted(folder.glob("*.yaml"))))


if __name__ == "__main__":
    print(provide().program)
