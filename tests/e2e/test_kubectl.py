"""An account's life by kubectl alone: apply, wait, patch, edit, delete, and the story that describe tells of it."""

import json
import os
import re
import signal
from typing import Any

import pytest

from batteries_operator.steps.pipeline import PROVISIONING, SUSPENSION

NAME = "told"
MADE = [step.condition for step in PROVISIONING] + ["Ready"]
CLOSED = [step.condition for step in SUSPENSION] + ["Suspended"]
OPENED = ["InCustomersOU", "IAMUserReady", "SSOAssigned", "OIDCConfigured", "Ready"]


def manifest(kind: str, name: str, **spec: Any) -> str:
    return json.dumps(
        {"apiVersion": "aibatteriesincluded.com/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    )


def story(sandbox: Any) -> list[str]:
    """The reasons of the Events, as describe shows them."""
    events = sandbox.kubectl("describe", "awsaccount", NAME).partition("Events:")[2]
    if events.strip() == "<none>":
        return []
    told = re.findall(r"^  (?:Normal|Warning) +(\w+) +\S+ +batteries-operator +\S", events, re.MULTILINE)
    assert len(told) == len(events.splitlines()) - 3, events
    return list(told)


def until_told(sandbox: Any, *chapters: list[str]) -> None:
    """Each chapter whole and nothing twice; within one, steps come after what they need, and the outcome last."""
    expected = [reason for chapter in chapters for reason in chapter]
    sandbox.until(lambda: len(story(sandbox)) >= len(expected), 20, f"{expected[-1]} is told")
    told = story(sandbox)
    for chapter in chapters:
        here, told = told[: len(chapter)], told[len(chapter) :]
        assert sorted(here) == sorted(chapter)
        assert here[-1] == chapter[-1]
        for step in (*PROVISIONING, *SUSPENSION):
            for need in step.needs or ():
                if {need, step.condition} <= set(here):
                    assert here.index(need) < here.index(step.condition)
    assert told == []


def wait(sandbox: Any, *what: str) -> None:
    sandbox.kubectl("wait", f"awsaccount/{NAME}", *what, "--timeout=60s")


def test_describe_tells_an_accounts_life_in_order_and_nothing_twice(
    sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"customerRef": {"name": "teller"}, "githubRepos": ["acme/first"]}
    sandbox.kubectl("apply", "-f", "-", stdin=manifest("AwsAccount", NAME, **spec))
    chapters = [["CustomerNotFound"]]
    until_told(sandbox, *chapters)

    # A restart is no transition, and neither is that there is still no such customer.
    before = sandbox.env["OPERATOR_PID"]
    os.kill(int(before), signal.SIGKILL)
    sandbox.until(lambda: sandbox.env["OPERATOR_PID"] != before, 30, "the operator is back")
    sandbox.kubectl("apply", "-f", "-", stdin=manifest("Customer", "teller", email="teller@example.com"))
    # Asks for a look at once: for a Customer that is missing the operator looks every half minute.
    sandbox.kubectl("annotate", "awsaccount", NAME, "aibatteriesincluded.com/retry=1")
    wait(sandbox, "--for=condition=Ready")
    wait(sandbox, "--for=jsonpath={.status.phase}=active")
    chapters.append(MADE)
    until_told(sandbox, *chapters)
    assert sandbox.kubectl("get", "awsaccount", NAME, "--no-headers").split()[1:3] == ["True", "active"]

    sandbox.kubectl("patch", "awsaccount", NAME, "--type=merge", "-p", '{"spec": {"githubRepos": ["acme/told"]}}')
    wait(sandbox, "--for=jsonpath={.status.githubRepos[0]}=acme/told")
    chapters.append(["OIDCConfigured"])
    until_told(sandbox, *chapters)

    sandbox.kubectl("patch", "awsaccount", NAME, "--type=merge", "-p", '{"spec": {"suspended": true}}')
    wait(sandbox, "--for=condition=Suspended")
    chapters.append(CLOSED)
    until_told(sandbox, *chapters)

    monkeypatch.setenv("KUBE_EDITOR", "sed -i 's/suspended: true/suspended: false/'")
    sandbox.kubectl("edit", "awsaccount", NAME)
    wait(sandbox, "--for=condition=Ready")
    chapters.append(OPENED)
    until_told(sandbox, *chapters)

    sandbox.kubectl("delete", "awsaccount", NAME, "--wait=false")
    wait(sandbox, "--for=delete")
    chosen = f"--field-selector=involvedObject.name={NAME}"
    released = sandbox.until(
        lambda: [
            event
            for event in json.loads(sandbox.kubectl("get", "events", chosen, "-o", "json"))["items"]
            if event["reason"] == "Released"
        ],
        20,
        "Released is told",
    )
    assert re.fullmatch(
        r"Let go of AWS account \d{12}, which stays as it is; nothing manages it any more\.", released[0]["message"]
    )
