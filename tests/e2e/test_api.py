"""What the API adds for agents and administrators, under the chart's permissions and with the operator at work."""

import base64
import json
from typing import Any

import requests


def admin(sandbox: Any, method: str, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.env['ADMIN_API_KEY']}"}
    return requests.request(method, f"{sandbox.env['API_URL']}/v1/admin/{path}", headers=headers, timeout=10)


def test_one_request_that_is_repeated_and_waits_brings_one_account_and_its_password_once(sandbox: Any) -> None:
    headers = sandbox.sign_up("waits@example.com")
    accounts = f"{sandbox.env['API_URL']}/v1/accounts"
    asking = {**headers, "Idempotency-Key": '"the-one"', "Prefer": "wait=20"}
    made = requests.post(accounts, json={"githubRepos": ["acme/app"]}, headers=asking, timeout=40)
    assert made.status_code in (201, 202), made.text
    account = f"{accounts}/{made.json()['accountId']}"
    again = requests.post(accounts, json={"githubRepos": ["acme/app"]}, headers=asking, timeout=40)
    assert again.json()["accountId"] == made.json()["accountId"]

    def active() -> bool:
        waiting = {**headers, "Prefer": "wait=20"}
        return bool(requests.get(account, headers=waiting, timeout=40).json()["status"] == "active")

    sandbox.until(active, 60, "the account is active")
    assert len(requests.get(accounts, headers=headers, timeout=10).json()["accounts"]) == 1
    events = requests.get(f"{account}/events", headers=headers, timeout=10).json()["events"]
    assert [events[0]["step"], events[-1]["status"]] == ["create_account", "succeeded"]
    revealed = requests.post(f"{account}/credentials", headers=headers, timeout=10)
    assert revealed.status_code == 200, revealed.text
    assert revealed.json()["userName"] == "admin"
    assert len(revealed.json()["password"]) >= 20
    assert requests.post(f"{account}/credentials", headers=headers, timeout=10).status_code == 404
    for log in ("apiserver.log", "operator.log"):
        assert revealed.json()["password"] not in (sandbox.folder / "logs" / log).read_text()


def test_a_team_of_another_namespace_is_seen_suspended_and_resumed(sandbox: Any) -> None:
    sandbox.cluster.create_namespace("team-x")
    manifest = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": "x", "namespace": "team-x"},
        "spec": {"email": "x@example.com"},
    }
    sandbox.cluster.run("apply", "-f", "-", stdin=json.dumps(manifest))

    def theirs() -> Any:
        found = admin(sandbox, "GET", "accounts").json()["accounts"]
        return next((one for one in found if one["namespace"] == "team-x"), None)

    account_id = sandbox.until(theirs, 20, "the administrator sees it")["accountId"]
    suspended = admin(sandbox, "POST", f"accounts/{account_id}/suspend")
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    wish = ("get", "awsaccount/x", "--namespace=team-x", "--output=jsonpath={.spec.suspended}")
    assert sandbox.cluster.run(*wish) == "true"
    assert admin(sandbox, "POST", f"accounts/{account_id}/resume").status_code == 200
    assert sandbox.cluster.run(*wish) == "false"


def test_what_failed_is_tried_again_when_an_administrator_asks(sandbox: Any) -> None:
    """A step that is noted as given up for this generation, which nothing but a retry wakes."""
    manifest = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": "given-up"},
        "spec": {"email": "again@example.com"},
    }
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    sandbox.kubectl("wait", "awsaccount/given-up", "--for=condition=Ready", "--timeout=90s")
    steps = {"setup_oidc": {"inputs": None, "gaveUpAt": 1}}
    condition = "jsonpath={.status.conditions[?(@.type=='OIDCConfigured')].status}"
    conditions = json.loads(sandbox.kubectl("get", "awsaccount/given-up", "-o", "json"))["status"]["conditions"]
    for one in conditions:
        if one["type"] == "OIDCConfigured":
            one["status"] = "False"
    patch = json.dumps({"status": {"steps": steps, "conditions": conditions}})
    sandbox.kubectl("patch", "awsaccount/given-up", "--subresource=status", "--type=merge", "-p", patch)
    account_id = json.loads(sandbox.kubectl("get", "awsaccount/given-up", "-o", "json"))["status"]["accountId"]
    assert sandbox.kubectl("get", "awsaccount/given-up", "-o", condition) == "False", "given up: nobody tries"

    def ordered() -> bool:
        return admin(sandbox, "POST", f"accounts/{account_id}/retry").status_code == 200

    sandbox.until(ordered, 10, "the API has seen that it failed")
    sandbox.until(
        lambda: sandbox.kubectl("get", "awsaccount/given-up", "-o", condition) == "True", 30, "the operator tried again"
    )


def test_the_first_administrators_key_is_in_its_secret_and_works(sandbox: Any) -> None:
    encoded = sandbox.kubectl("get", "secret/batteries-admin-key", "--output=jsonpath={.data.key}")
    headers = {"Authorization": f"Bearer {base64.b64decode(encoded).decode()}"}
    url = f"{sandbox.env['API_URL']}/v1/admin/events"
    assert requests.get(url, headers=headers, timeout=10).status_code == 200
    log = (sandbox.folder / "logs" / "apiserver.log").read_text()
    assert base64.b64decode(encoded).decode() not in log
