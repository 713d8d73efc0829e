"""The operator killed: nothing lost, nothing made twice, and nothing done where nothing is owed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

COUNT = 20


def kill(sandbox: Any, name: str) -> None:
    """Kills a supervised part and waits until it is back."""
    with killed(sandbox, name):
        pass


@contextmanager
def killed(sandbox: Any, name: str) -> Iterator[None]:
    """Kills a supervised part; within the block it is down, or just about to start again."""
    first = sandbox.env[name]
    os.kill(int(first), signal.SIGKILL)
    yield
    sandbox.until(lambda: sandbox.env[name] != first, 5, f"{name} is back")


@contextmanager
def held_from_the_eighth_on(sandbox: Any) -> Iterator[Callable[[], bool]]:
    """Within the block AWS takes seven CreateAccount and holds what comes after them; whether it holds one."""
    faults = f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/faults"
    gate: Any = {"kind": "gate_before", "operation": "CreateAccount", "skip": 7, "times": 1000}
    one = f"{faults}/{requests.post(faults, json=gate, timeout=10).json()['id']}"
    try:
        yield lambda: bool(requests.get(one, timeout=10).json()["waiting"])
    finally:
        requests.delete(one, timeout=10)


@pytest.mark.timeout(300)  # other tests' accounts may be before it in line
def test_twenty_at_once_with_the_operator_killed_are_twenty(sandbox: Any) -> None:
    headers = sandbox.sign_up("twenty@example.com")
    api = f"{sandbox.env['API_URL']}/v1/accounts"

    def ask(number: int) -> str:
        answer = requests.post(api, json={"githubRepos": [f"org/repo{number}"]}, headers=headers, timeout=30)
        assert answer.status_code == 202, answer.text
        identity: str = answer.json()["accountId"]
        return identity

    with held_from_the_eighth_on(sandbox) as is_held:
        with ThreadPoolExecutor(COUNT) as pool:
            ids = set(pool.map(ask, range(COUNT)))
        assert len(ids) == COUNT

        def of_ours(what: str) -> list[dict[str, Any]]:
            """By our tag: other tests' accounts may still be in the making."""
            all_of_them = sandbox.aws(what)[what]
            return [one for one in all_of_them if one["tags"].get("aibatteriesincluded.com/account-id") in ids]

        sandbox.until(is_held, 120, "seven are asked for, and the eighth is on its way")
        kill(sandbox, "OPERATOR_PID")
        assert len(of_ours("accounts")) < COUNT, "killed in the middle, not after it"

    def listed() -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = requests.get(api, headers=headers, timeout=10).json()["accounts"]
        return accounts

    sandbox.until(lambda: all(one["status"] == "active" for one in listed()), 240, "all twenty are active")
    made = [account["id"] for account in of_ours("accounts")]
    assert sorted(made) == sorted(one["awsAccountId"] for one in listed())
    assert len(made) == len(of_ours("creations")) == COUNT
    assert sandbox.aws("creations")["maxInProgress"] <= 5


@pytest.mark.timeout(300)  # it waits until what other tests asked for is done
def test_a_restart_with_nothing_owed_calls_nothing_and_writes_nothing(sandbox: Any) -> None:
    # Suspended and failed accounts, which other tests leave, are at rest too.
    sandbox.until(lambda: _all_at_rest(sandbox), 240, "nothing is owed to any account")
    with killed(sandbox, "OPERATOR_PID"):
        # Counted now: the operator that ran until here may have been comparing an account with AWS.
        calls, versions = sandbox.aws("calls/count"), _versions(sandbox)
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
        since = Counter(sandbox.aws("calls/count")["byOperation"]) - Counter(calls["byOperation"])
        assert not since
    finally:
        sandbox.kubectl("delete", "awsaccount", "probe")


def _all_at_rest(sandbox: Any) -> bool:
    """Whether kstatus would call none of them in progress, and no mail is waiting that could be sent."""
    mails = json.loads(sandbox.kubectl("get", "notifications", "-o", "json"))["items"]
    if not all({"state", "error"} & each.get("status", {}).keys() for each in mails):
        return False
    items = json.loads(sandbox.kubectl("get", "awsaccounts", "-o", "json"))["items"]
    return all(
        item.get("status", {}).get("observedGeneration") == item["metadata"]["generation"]
        and not any(condition["type"] == "Reconciling" for condition in item["status"]["conditions"])
        for item in items
    )


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
