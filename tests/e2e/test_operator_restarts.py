"""The operator killed: nothing lost, nothing made twice, and nothing done where nothing is owed."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

COUNT = 20


def kill(sandbox: Any, name: str) -> None:
    """Kills a supervised part and waits until it is back."""
    first = sandbox.env[name]
    os.kill(int(first), signal.SIGKILL)
    sandbox.until(lambda: sandbox.env[name] != first, 5, f"{name} is back")


def test_twenty_at_once_with_the_operator_killed_are_twenty(sandbox: Any) -> None:
    headers = sandbox.sign_up("twenty@example.com")
    api = f"{sandbox.env['API_URL']}/v1/accounts"
    before = {account["id"] for account in sandbox.aws("accounts")["accounts"]}
    creations = len(sandbox.aws("creations")["creations"])

    def ask(number: int) -> str:
        answer = requests.post(api, json={"githubRepos": [f"org/repo{number}"]}, headers=headers, timeout=30)
        assert answer.status_code == 202, answer.text
        identity: str = answer.json()["accountId"]
        return identity

    with ThreadPoolExecutor(COUNT) as pool:
        assert len(set(pool.map(ask, range(COUNT)))) == COUNT
    asked = creations + 7
    sandbox.until(lambda: len(sandbox.aws("creations")["creations"]) >= asked, 60, "seven creations asked for")
    kill(sandbox, "OPERATOR_PID")

    def listed() -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = requests.get(api, headers=headers, timeout=10).json()["accounts"]
        return accounts

    sandbox.until(lambda: all(one["status"] == "active" for one in listed()), 240, "all twenty are active")
    made = {account["id"] for account in sandbox.aws("accounts")["accounts"]} - before
    assert made == {one["awsAccountId"] for one in listed()}
    assert len(made) == COUNT
    assert sandbox.aws("creations")["maxInProgress"] <= 5


def test_a_restart_with_nothing_owed_calls_nothing_and_writes_nothing(sandbox: Any) -> None:
    sandbox.kubectl("wait", "awsaccount", "--all", "--for=condition=Ready", "--timeout=120s")
    calls, versions = sandbox.aws("calls/count"), _versions(sandbox)
    kill(sandbox, "OPERATOR_PID")
    # An account without its Customer is seen and waits, with no call to AWS: by it we know that the operator works.
    manifest = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": "probe"},
        "spec": {"customerRef": {"name": "nobody"}},
    }
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        sandbox.until(lambda: "CustomerNotFound" in sandbox.kubectl("get", "aa", "probe", "-o", "json"), 30, "it works")
        assert _versions(sandbox) == versions
        assert sandbox.aws("calls/count") == calls
    finally:
        sandbox.kubectl("delete", "awsaccount", "probe")


def _versions(sandbox: Any) -> dict[str, str]:
    items = json.loads(sandbox.kubectl("get", "awsaccounts", "-o", "json"))["items"]
    return {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"]
        for item in items
        if item["metadata"]["name"] != "probe"
    }


def test_the_api_server_killed_is_back_and_knows_its_customers(sandbox: Any) -> None:
    headers = sandbox.sign_up("patient@example.com")
    kill(sandbox, "API_PID")

    def answers() -> bool:
        try:
            return requests.get(f"{sandbox.env['API_URL']}/v1/accounts", headers=headers, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    sandbox.until(answers, 15, "the API answers")
