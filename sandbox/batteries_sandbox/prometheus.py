"""Prometheus and promtool, built once from source at a pinned version."""

from pathlib import Path

from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.places import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "prometheus"
_MODULE = "github.com/prometheus/prometheus"
_TAGS = "remove_all_sd"  # finding targets in clouds is most of the build, and nothing here


def provide(name: str) -> Path:
    """The program `name`: prometheus or promtool.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool(name, SOURCE, f"{_MODULE}/cmd/{name}", _MODULE, tags=_TAGS, seconds=120)


if __name__ == "__main__":
    print(provide("prometheus"), provide("promtool"))
