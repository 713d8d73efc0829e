"""The dashboard: Grafana's own schema takes it, and it and the alerts ask for metrics and labels that there are."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from batteries_apiserver.runtime import metrics as api_metrics
from batteries_operator.runtime import metrics as operator_metrics
from batteries_sandbox import grafana, prometheus
from batteries_tools import dashboard
from batteries_tools.reference import metrics_of

LABELS = {name: set(labels) for module in (operator_metrics, api_metrics) for name, _, labels, _ in metrics_of(module)}
ADDED = {"namespace", "le"}
"""By Prometheus, and by histograms."""


def checked(folder: Path, board: dict[str, Any]) -> str:
    """What Grafana's schema has against it."""
    path = folder / "dashboard.json"
    path.write_text(json.dumps(board))
    done = subprocess.run([str(grafana.provide()), str(path)], capture_output=True, text=True, timeout=60)
    assert bool(done.stderr) is bool(done.returncode)
    return done.stderr


def test_grafanas_own_schema_takes_it(tmp_path: Path) -> None:
    assert checked(tmp_path, json.loads(dashboard.FILE.read_text())) == ""


def _misspell_a_query(board: dict[str, Any]) -> None:
    target = board["panels"][1]["targets"][0]
    target["expression"] = target.pop("expr")


def _lose_the_version(board: dict[str, Any]) -> None:
    del board["schemaVersion"]


def _give_a_number_as_unit(board: dict[str, Any]) -> None:
    board["panels"][1]["fieldConfig"]["defaults"]["unit"] = 7


@pytest.mark.parametrize("spoil", [_misspell_a_query, _lose_the_version, _give_a_number_as_unit])
def test_what_it_does_not_know_it_does_not_take(tmp_path: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    board = dashboard.dashboard()
    spoil(board)
    assert checked(tmp_path, board) != ""


def test_each_panel_is_of_a_kind_that_grafana_brings_and_none_lies_over_another() -> None:
    panels = dashboard.dashboard()["panels"]
    assert {panel["type"] for panel in panels} == {"row", "stat", "timeseries"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= dashboard.WIDTH
        taken |= cells


def queries() -> list[str]:
    asked = [target["expr"] for panel in dashboard.dashboard()["panels"] for target in panel.get("targets", ())]
    groups = yaml.safe_load(prometheus.rules("batteries"))["groups"]
    return asked + [rule["expr"] for group in groups for rule in group["rules"]]


def unknown(query: str) -> set[str]:
    """The names in it that neither program has: metrics, and labels of those metrics."""
    metrics = {_family(name) for name in re.findall(r"\bbatteries_\w+", query)}
    assert metrics, query
    selected = [label for inside in re.findall(r"\{(.*?)\}(?=[\[)\s]|$)", query) for label in _names(inside)]
    grouped = [label.strip() for inside in re.findall(r"\bby \((.*?)\)", query) for label in inside.split(",")]
    labels = ADDED.union(*(LABELS.get(metric, set()) for metric in metrics))
    return {*(metrics - LABELS.keys()), *({*selected, *grouped} - labels)}


def _names(selector: str) -> list[str]:
    return re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", selector)


def _family(name: str) -> str:
    return name if name in LABELS else re.sub("_(bucket|sum|count)$", "", name)


def test_every_query_asks_for_what_there_is() -> None:
    assert len(queries()) > 40
    assert {query: names for query in queries() if (names := unknown(query))} == {}


def test_what_there_is_not_is_found() -> None:
    assert unknown('sum by (phase) (batteries_account{namespace="n"})') == {"batteries_account", "phase"}
    assert unknown('sum by (step) (batteries_accounts{name="n"}) > 1') == {"step", "name"}
    assert unknown('rate(batteries_http_requests_total{verb="GET", route!~".*|/v1/{id}"}[5m])') == {"verb"}


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {_family(name) for query in queries() for name in re.findall(r"\bbatteries_\w+", query)}
    assert LABELS.keys() - shown == set()


def test_the_file_is_current() -> None:
    assert dashboard.FILE.read_text() == dashboard.text()


def test_the_chart_gives_it_to_grafanas_sidecar() -> None:
    board = prometheus.monitoring("batteries")["ConfigMap"]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(board["data"]["ai-batteries-included.json"]) == dashboard.dashboard()
