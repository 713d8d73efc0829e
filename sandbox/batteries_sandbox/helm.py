"""helm, built once from source at a pinned version, and what the tests and `make` ask of it."""

import subprocess
from pathlib import Path

from batteries_sandbox.binaries import build_go_tool, module_version
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.mailboxes import ROOT_EMAILS
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "helm"
CHART = CHECKOUT / "helm" / "ai-batteries-included"
REQUIRED = f"--set=operator.accountEmailTemplate={ROOT_EMAILS}"
"""What has no default in the chart."""
_MODULE = "helm.sh/helm/v4"


def provide() -> Path:
    """The program.

    Raises:
        SandboxError: it can't be built.
    """
    version = module_version(SOURCE, _MODULE)
    flags = f"-X {_MODULE}/internal/version.version={version}"
    return build_go_tool("helm", SOURCE, f"{_MODULE}/cmd/helm", _MODULE, ldflags=flags, seconds=110)


def render(namespace: str, *arguments: str, release: str = "batteries") -> str:
    """The chart's objects as YAML, for that namespace; `arguments` as `helm template` takes them.

    What the chart has no default for, the sandbox's root e-mail addresses, is given unless `arguments` give it.

    Raises:
        SandboxError: with what helm said instead.
    """
    command = [str(provide()), "template", release, str(CHART), f"--namespace={namespace}", REQUIRED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"The chart could not be rendered: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    print(provide())
