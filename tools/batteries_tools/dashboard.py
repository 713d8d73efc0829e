"""Writes the chart's Grafana dashboard: `python -m batteries_tools.dashboard [--check]`.

Grafana's JSON says where each panel is and how it looks, some forty lines a panel, the same in each. Here is what they
differ in. NAMESPACE in a query becomes the selector by the dashboard's variable.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batteries_sandbox.helm import CHART

FILE = CHART / "files" / "dashboard.json"
WIDTH, HEIGHT = 24, 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: queries by their legends, the unit as Grafana names it, and how much of a row's width it takes."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    width: int = 8
    kind: str = "timeseries"
    stacked: bool = False
    says: str = ""


def _quantile(quantile: float, metric: str, by: str = "", window: str = "$__rate_interval") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({metric}_bucket{{NAMESPACE}}[{window}])))"


def _rate(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{NAMESPACE{more}}}[$__rate_interval]))"


_PROVISIONING = "batteries_account_provisioning_duration_seconds"
_READS = ', route!~".*(events|stripe|checkout).*|/healthz|/readyz"'

ROWS: dict[str, tuple[Panel, ...]] = {
    "Accounts and provisioning": (
        Panel("Stalled", {"stalled": "sum(batteries_accounts_stalled{NAMESPACE})"}, width=4, kind="stat"),
        Panel("Accounts", {"{{phase}}": "sum by (phase) (batteries_accounts{NAMESPACE})"}, width=10, stacked=True),
        Panel(
            "Time until active",
            {
                "median": _quantile(0.5, _PROVISIONING, window="1h"),
                "90 %": _quantile(0.9, _PROVISIONING, window="1h"),
            },
            unit="s",
            width=10,
            says="For the accounts that became active within the last hour.",
        ),
        Panel(
            "Step durations, 90th percentile",
            {"{{step}}": _quantile(0.9, "batteries_step_duration_seconds", "step", "1h")},
            unit="s",
            says="Includes time in queues and AWS's own time.",
        ),
        Panel(
            "Step outcomes", {"{{step}} {{outcome}}": _rate("batteries_step_outcomes_total", "step, outcome")}, "ops"
        ),
        Panel(
            "Drift reverted in an hour",
            {"{{step}}": "sum by (step) (increase(batteries_drift_total{NAMESPACE}[1h]))"},
            says="Somebody changed in AWS what this step sets.",
        ),
    ),
    "Mails": (
        Panel("Mails", {"{{kind}} {{outcome}}": _rate("batteries_mails_total", "kind, outcome")}, "ops", 12),
        Panel(
            "Mails waiting",
            {"waiting": "sum(batteries_mails_waiting{NAMESPACE})"},
            width=12,
            says="Includes mails that wait because their address has reached its limit.",
        ),
    ),
    "Reconciling": (
        Panel("Leading operators", {"leading": "sum(batteries_leading{NAMESPACE})"}, width=4, kind="stat"),
        Panel("Reconciles by result", {"{{result}}": _rate("batteries_reconcile_total", "result")}, "ops", 10),
        Panel(
            "Failed reconciles",
            {"errors": "sum(rate(batteries_reconcile_errors_total{NAMESPACE}[$__rate_interval]))"},
            "ops",
            10,
        ),
        Panel(
            "Duration of reconciles",
            {
                "median": _quantile(0.5, "batteries_reconcile_duration_seconds"),
                "99 %": _quantile(0.99, "batteries_reconcile_duration_seconds"),
            },
            "s",
        ),
        Panel(
            "Work queue",
            {
                "depth": "sum(batteries_workqueue_depth{NAMESPACE})",
                "reconciling": "sum(batteries_reconcile_active{NAMESPACE})",
            },
            says="Accounts with pending work, including those in a queue.",
        ),
        Panel(
            "Writes to Kubernetes",
            {"status writes": "sum(rate(batteries_status_writes_total{NAMESPACE}[$__rate_interval]))"},
            "ops",
        ),
    ),
    "AWS": (
        Panel("Calls by outcome", {"{{outcome}}": _rate("batteries_aws_calls_total", "outcome")}, "ops", stacked=True),
        Panel("Calls by operation", {"{{operation}}": _rate("batteries_aws_calls_total", "operation")}, "ops"),
        Panel(
            "Refused",
            {
                "{{operation}} {{outcome}}": _rate(
                    "batteries_aws_calls_total", "operation, outcome", ', outcome=~"terminal|unknown|capacity"'
                )
            },
            "ops",
            says="sts:AssumeRole is refused until a new account's role exists.",
        ),
        Panel(
            "Duration of calls, 90th percentile",
            {"{{operation}}": _quantile(0.9, "batteries_aws_call_duration_seconds", "operation")},
            "s",
            24,
        ),
    ),
    "Queues and limits": (
        Panel("Slots in use", {"{{limit}}": "sum by (limit) (batteries_slots_held{NAMESPACE})"}, width=12),
        Panel("Accounts in queues", {"{{limit}}": "sum by (limit) (batteries_slots_waiting{NAMESPACE})"}, width=12),
    ),
    "API": (
        Panel(
            "Failed calls to Stripe",
            {"{{outcome}}": _rate("batteries_stripe_failures_total", "outcome")},
            "ops",
            24,
            says="key_refused and not_permitted need a person; the API server's log has Stripe's message.",
        ),
        Panel(
            "Requests by route",
            {"{{method}} {{route}}": _rate("batteries_http_requests_total", "method, route")},
            "reqps",
        ),
        Panel(
            "Requests by status",
            {"{{status}}": _rate("batteries_http_requests_total", "status")},
            "reqps",
            stacked=True,
        ),
        Panel(
            "Duration of requests, 99th percentile",
            {
                "{{method}} {{route}}": "histogram_quantile(0.99, sum by (le, method, route) (rate("
                f"batteries_http_request_duration_seconds_bucket{{NAMESPACE{_READS}}}[$__rate_interval])))"
            },
            "s",
            says="Without event streams, Stripe's paths and probes.",
        ),
        Panel("API keys", {"{{state}}": "max by (state) (batteries_api_keys{NAMESPACE})"}, width=6),
        Panel(
            "Checkout sessions in an hour",
            {"{{event}}": "sum by (event) (increase(batteries_checkout_sessions_total{NAMESPACE}[1h]))"},
            width=6,
        ),
        Panel("Event streams", {"open": "sum(batteries_event_streams{NAMESPACE})"}, width=6),
        Panel(
            "Time since Kubernetes sent anything",
            {"{{resource}}": "max by (resource) (batteries_api_cache_age_seconds{NAMESPACE})"},
            "s",
            6,
        ),
        Panel("Cached objects", {"{{resource}}": "max by (resource) (batteries_api_cache_objects{NAMESPACE})"}),
        Panel(
            "Unreadable objects",
            {"{{resource}}": "max by (resource) (batteries_api_cache_unreadable_objects{NAMESPACE})"},
            says="From a later version of the CRD, or changed by hand; the API server's log names them.",
        ),
        Panel("Full lists read", {"{{resource}}": _rate("batteries_api_cache_lists_total", "resource")}, "ops"),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana has it."""
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
        # Also where no label of that name is, as with a Prometheus that was set up by hand.
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
        **({"description": panel.says} if panel.says else {}),
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
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


def main() -> int:
    """Writes the file, or with --check says whether it is current (exit status 1 where it is not)."""
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
