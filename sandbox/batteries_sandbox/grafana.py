"""Checks dashboards against Grafana's own schema, with a program built once from source.

Grafana itself is not started: its module contains no user interface.
"""

from pathlib import Path

from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "grafana"
_MODULE = "github.com/grafana/grafana-foundation-sdk/go"


def provide() -> Path:
    """The program; it takes paths of dashboards, and its exit status is 1 if one is wrong.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool("check-dashboard", SOURCE, ".", _MODULE, seconds=60)


if __name__ == "__main__":
    print(provide())
