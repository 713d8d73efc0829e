"""The real Prometheus on the sandbox: it scrapes both programs, takes the chart's alerts, and answers the dashboard."""

import contextlib
import json
import re
import socket
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from e2e.pools import Pool
from prometheus_client.parser import text_string_to_metric_families

from batteries_sandbox import prometheus
from batteries_tools import dashboard

STALLED = "BatteriesAccountsStalled"
TARGETS = {"operator": "OPERATOR_METRICS_URL", "apiserver": "API_METRICS_URL"}
QUIET = re.compile("batteries_drift_total|terminal")
"""What may have no series yet: nobody changed anything in AWS, and AWS refused nothing."""

TOLD_APART = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\d{12}|@|cs_|aib_|\s")
"""Accounts, customers, sessions, keys and texts: what would make a new series each."""


@dataclass(frozen=True)
class Watched:
    """A Prometheus that watches the sandbox, by its HTTP API."""

    url: str
    namespace: str

    def get(self, path: str, **parameters: str) -> Any:
        """What it answers."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body}"
        assert not body.get("warnings"), f"{parameters}: {body}"
        return body["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression yields now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float:
        """The one number that it yields; nothing counts as 0."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def alerts(self) -> dict[str, str]:
        """Alerts that are pending or firing."""
        return {each["labels"]["alertname"]: each["state"] for each in self.get("alerts")["alerts"]}

    def summary(self, alert: str) -> str:
        """What the alert says, pending or firing."""
        said = next(each for each in self.get("alerts")["alerts"] if each["labels"]["alertname"] == alert)
        return str(said["annotations"]["summary"])

    def targets(self) -> list[dict[str, Any]]:
        """Whom it scrapes."""
        found: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return found


def _settings(sandbox: Any) -> dict[str, Any]:
    """As the Prometheus operator makes it of the chart's ServiceMonitor, but for finding pods, and more often."""
    namespace = sandbox.env["NAMESPACE"]
    monitor = prometheus.monitoring(namespace)["ServiceMonitor"]["spec"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint.keys() == {"port", "interval"}, "so /metrics, by HTTP"

    def job(component: str, url: str) -> dict[str, Any]:
        labels = {"namespace": namespace, "service": f"batteries-{component}-metrics", "endpoint": endpoint["port"]}
        return {"job_name": component, "static_configs": [{"targets": [urlsplit(url).netloc], "labels": labels}]}

    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [job(component, sandbox.env[name]) for component, name in TARGETS.items()],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def watched(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """It has scraped both programs twice, so that rates have something to go by."""
    folder, port = tmp_path_factory.mktemp("prometheus"), _free_port()
    namespace = sandbox.env["NAMESPACE"]
    (folder / "alerts.yaml").write_text(prometheus.rules(namespace))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_settings(sandbox)))
    command = [
        str(prometheus.provide().prometheus),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    made = Watched(f"http://127.0.0.1:{port}", namespace)

    def scrapes() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{made.url}/-/ready", timeout=5).status_code == 200:
                return made.value("min(count_over_time(up[1m]))") >= 2
        return False

    try:
        sandbox.until(scrapes, 30, "Prometheus has scraped both programs")
        yield made
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_both_programs_are_scraped_and_no_alert_fires(watched: Watched) -> None:
    assert {each["scrapePool"]: (each["health"], each["lastError"]) for each in watched.targets()} == dict.fromkeys(
        TARGETS, ("up", "")
    )
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == prometheus.rules(watched.namespace).count("alert:")
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    # Other tests leave accounts behind that failed for good; nothing else is wrong, not even on the way to firing.
    assert watched.alerts().keys() <= {STALLED}
    assert "firing" not in watched.alerts().values()
    assert watched.value("sum(batteries_leading)") == 1


@pytest.mark.timeout(300)  # other tests' accounts may be before it in line
def test_an_account_is_seen_on_its_way_and_every_query_of_the_dashboard_answers(
    sandbox: Any, watched: Watched, pool: Pool
) -> None:
    active = 'batteries_accounts{phase="active"}'
    made = "batteries_account_provisioning_duration_seconds_count"
    before, counted = watched.value(active), watched.value(made)
    api, headers = f"{sandbox.env['API_URL']}/v1/accounts", sandbox.sign_up("watched@example.com")
    answer = requests.post(api, json={"githubRepos": ["org/watched"]}, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    sandbox.until(lambda: watched.value(active) == before + 1, 240, "Prometheus has seen that it is active")
    sandbox.until(lambda: watched.value(made) == counted + 1, 10, "and how long it took")
    use(sandbox, watched, pool)
    empty = []
    for panel in dashboard.dashboard()["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$namespace", watched.namespace).replace("$__rate_interval", "1m")
            if not watched.query(query) and not QUIET.search(query):
                empty.append(f"{panel['title']}: {query}")
    assert empty == []
    pool.end()
    sandbox.until(lambda: not watched.query("batteries_pool_size"), 10, "nothing is said of a pool that is gone")
    sandbox.until(lambda: watched.alerts().keys() <= {STALLED}, 10, "nor is there an alert about it")


def use(sandbox: Any, watched: Watched, pool: Pool) -> None:
    """One AwsAccount gets what the pool has ready, one finds it empty, and Prometheus has seen twice that they did."""
    pool.fill(1)
    names = ("from-the-pool", "past-the-pool")
    for name in names:
        pool.apply_account(name)
    assert sorted("claim" in pool.until_ready(name) for name in names) == [False, True]
    seen = 'count_over_time(batteries_pool_fall_throughs_total{reason="empty"}[1m])'
    sandbox.until(lambda: watched.value(seen) >= 2, 10, "and Prometheus has seen it twice")


def test_a_stalled_account_is_an_alert_on_its_way_and_mended_it_is_none(sandbox: Any, watched: Watched) -> None:
    stalled = "sum(batteries_accounts_stalled)"
    before = watched.value(stalled)
    management = sandbox.boto3("organizations").describe_organization()["Organization"]["MasterAccountId"]
    manifest = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": "never"},
        "spec": {"email": "never@example.com", "awsAccountId": management},
    }
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        sandbox.until(lambda: watched.value(stalled) == before + 1, 30, "Prometheus has seen that it is stalled")
        sandbox.until(lambda: watched.alerts().get(STALLED) == "pending", 10, "the alert waits for its ten minutes")
        # Where one was pending already, the next evaluation counts this one too.
        summary = f"{before + 1:g} accounts are stalled"
        sandbox.until(lambda: watched.summary(STALLED).startswith(summary), 10, f"the alert says: {summary}")
        assert watched.alerts().keys() == {STALLED}
    finally:
        sandbox.kubectl("delete", "awsaccount", "never")
    sandbox.until(lambda: watched.value(stalled) == before, 30, "Prometheus has seen that it is gone")
    sandbox.until(lambda: (STALLED in watched.alerts()) == (before > 0), 10, "and so is the alert")


@pytest.mark.last
@pytest.mark.parametrize("component", TARGETS)
def test_after_all_that_was_done_labels_have_few_values_and_names_are_as_they_should_be(
    sandbox: Any, component: str
) -> None:
    text = requests.get(sandbox.env[TARGETS[component]], timeout=10).text
    lint = subprocess.run(
        [str(prometheus.provide().promtool), "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
    values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    series = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            series += 1
            for label, value in sample.labels.items():
                values[family.name, label].add(value)
    assert {key: found for key, found in values.items() if any(map(TOLD_APART.search, found))} == {}
    assert {key: len(found) for key, found in values.items() if len(found) > 60} == {}
    assert series < 3000
