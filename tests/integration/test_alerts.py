"""The chart's alerts: Prometheus takes them, each fires when it should and not before, each link leads somewhere."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from batteries_sandbox import prometheus
from batteries_sandbox.paths import CHECKOUT

CASES = sorted((Path(__file__).parent / "alerts").glob("*.test.yaml"))
NAMESPACE = "batteries"
RUNBOOK = CHECKOUT / "docs" / "alerts.md"


@pytest.fixture(scope="module")
def programs() -> prometheus.Programs:
    return prometheus.provide()


@pytest.fixture(scope="module")
def rendered() -> str:
    """The alerts of a release in the cases' namespace."""
    return prometheus.rules(NAMESPACE)


def alerts(text: str) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}


def cases() -> list[dict[str, Any]]:
    return [
        one for file in CASES for test in yaml.safe_load(file.read_text())["tests"] for one in test["alert_rule_test"]
    ]


def test_prometheus_takes_the_rules(programs: prometheus.Programs, rendered: str, tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(rendered)
    done = _promtool(programs, tmp_path, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
    assert f"{len(alerts(rendered))} rules found" in done


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.name)
def test_each_fires_when_it_should_and_not_before(
    programs: prometheus.Programs, rendered: str, tmp_path: Path, file: Path
) -> None:
    (tmp_path / "alerts.yaml").write_text(rendered)
    (tmp_path / file.name).write_text(yaml.safe_dump(_completed(yaml.safe_load(file.read_text()), alerts(rendered))))
    assert "SUCCESS" in _promtool(programs, tmp_path, "test", "rules", file.name)


def _completed(suite: dict[str, Any], rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """With what promtool wants of every alert and is the same in each: the annotations without variables."""
    for test in suite["tests"]:
        for case in test["alert_rule_test"]:
            fixed = rules[case["alertname"]]["annotations"]
            for expected in case["exp_alerts"]:
                assert expected["exp_annotations"].keys() == {"summary"}
                expected["exp_annotations"] = fixed | expected["exp_annotations"]
    return suite


def _promtool(programs: prometheus.Programs, folder: Path, *arguments: str) -> str:
    command = [str(programs.promtool), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(rendered: str) -> None:
    for fires in (True, False):
        assert {case["alertname"] for case in cases() if bool(case["exp_alerts"]) is fires} == alerts(rendered).keys()


def test_each_alert_says_what_is_wrong_and_links_to_its_section(rendered: str) -> None:
    headings = re.findall(r"^## (Batteries\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert headings == list(alerts(rendered)), "a section for each, in their order"
    for name, alert in alerts(rendered).items():
        assert alert["labels"]["severity"] in ("critical", "warning")
        told = alert["annotations"]
        assert told["summary"].endswith(".")
        assert told["description"].endswith(".")
        assert told["runbook_url"] == f"docs/alerts.md#{name.lower()}"


def test_links_lead_to_where_an_installation_has_the_page() -> None:
    address = "https://wiki.example.com/batteries"
    objects = prometheus.monitoring(NAMESPACE, f"--set=monitoring.prometheusRule.runbookUrl={address}")
    links = {
        rule["annotations"]["runbook_url"]
        for rule in alerts(yaml.safe_dump(objects["PrometheusRule"]["spec"])).values()
    }
    assert f"{address}#batteriesdrift" in links
    assert all(link.startswith(f"{address}#batteries") for link in links)


def test_a_release_watches_its_own_namespace_alone(rendered: str) -> None:
    for alert in alerts(rendered).values():
        selectors = re.findall(r"(batteries_\w+)(\{[^}]*)?", alert["expr"])
        assert all(f'namespace="{NAMESPACE}"' in selector for _, selector in selectors), alert["expr"]
