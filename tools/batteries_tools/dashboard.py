"""Writes the chart's Grafana dashboard: `python -m batteries_tools.dashboard [--check]`.

Grafana's JSON places and styles each panel in some forty lines that are the same for all; `panels` has what differs.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from batteries_sandbox.helm import CHART
from batteries_tools.panels import ROWS, Panel

FILE = CHART / "files" / "dashboard.json"
WIDTH, HEIGHT = 24, 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """The dashboard in Grafana's format."""
    return {
        "uid": "ai-batteries-included",
        "title": "AI Batteries Included",
        "description": "Accounts, the operator, AWS and the API.",
        "tags": ["ai-batteries-included"],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": [_source_variable(), _namespace_variable()]},
        "panels": list(_panels()),
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _namespace_variable() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": SOURCE,
        "query": "label_values(batteries_leading, namespace)",
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "multi": True,
        # Also matches series without that label, as in a Prometheus that was set up by hand.
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS.items():
        number += 1
        place = {"h": 1, "w": WIDTH, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        x, y = 0, y + 1
        for panel in panels:
            number += 1
            yield _panel(panel, number, {"h": HEIGHT, "w": panel.width, "x": x, "y": y})
            x += panel.width
            if x >= WIDTH:
                x, y = 0, y + HEIGHT
        assert x == 0, f"the row '{title}' is not filled"


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    looks: dict[str, Any] = {"fillOpacity": 30 if panel.stacked else 0, "showPoints": "never"}
    looks["stacking"] = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        **({"description": panel.description} if panel.description else {}),
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **({"custom": looks} if panel.kind == "timeseries" else {})},
            "overrides": [],
        },
        "options": _options(panel),
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": _selected(query), "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {
            "colorMode": "none",
            "graphMode": "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
            "showPercentChange": False,
            "textMode": "auto",
            "wideLayout": True,
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _selected(query: str) -> str:
    return query.replace("NAMESPACE", 'namespace=~"$namespace"')


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), indent=1) + "\n"


def main() -> int:
    """Writes the file, or with --check reports whether it is current (exit status 1 if not)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is not current")
    if not parser.parse_args().check:
        FILE.write_text(text())
    elif not FILE.exists() or FILE.read_text() != text():
        print(f"Not current: {FILE.name}. Run `make chart` and commit the result.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
