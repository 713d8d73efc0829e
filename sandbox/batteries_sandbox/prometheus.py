"""Prometheus and promtool, built once from source at a pinned version, and what the chart gives them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batteries_sandbox import helm
from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "prometheus"
_MODULE = "github.com/prometheus/prometheus"
_TAGS = "remove_all_sd"  # finding targets in clouds is most of the build, and nothing here
_KINDS = "monitoring.coreos.com/v1"


@dataclass(frozen=True, slots=True)
class Programs:
    """The server, and the tool that checks what it is given."""

    prometheus: Path
    promtool: Path


def provide() -> Programs:
    """Both programs.

    Raises:
        SandboxError: one can't be built.
    """
    return Programs(_built("prometheus", seconds=240), _built("promtool", seconds=60))


def _built(name: str, seconds: int) -> Path:
    return build_go_tool(name, SOURCE, f"{_MODULE}/cmd/{name}", _MODULE, tags=_TAGS, seconds=seconds)


def monitoring(namespace: str, *arguments: str) -> dict[str, dict[str, Any]]:
    """What the chart renders for a release in that namespace where the Prometheus operator is, by kind.

    Raises:
        SandboxError: it can't be rendered.
    """
    apis = [f"--api-versions={_KINDS}/{kind}" for kind in ("ServiceMonitor", "PrometheusRule")]
    text = helm.render(namespace, "--show-only=templates/monitoring.yaml", *apis, *arguments)
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def rules(namespace: str) -> str:
    """The alerts of a release in that namespace, as a file of Prometheus' own."""
    return yaml.safe_dump(monitoring(namespace)["PrometheusRule"]["spec"], sort_keys=False, width=10_000)


if __name__ == "__main__":
    print(provide())
