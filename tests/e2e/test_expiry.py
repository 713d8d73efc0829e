"""An account with an end, over HTTP: it ends by itself, its owner is told, and a later end opens it again."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

OWNER = "ends@example.com"


def from_now(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def streamed(url: str, headers: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """What the account's event stream has told so far."""
    seen: list[dict[str, Any]] = []
    answer = requests.get(url, headers={**headers, "Accept": "text/event-stream"}, stream=True, timeout=60)

    def read() -> None:
        try:
            for line in answer.iter_lines(chunk_size=1):
                if line.startswith(b"data:"):
                    seen.append(json.loads(line.removeprefix(b"data:")))
        except (requests.RequestException, AttributeError, ValueError):
            return  # closed by the test

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert answer.status_code == 200
        yield seen
    finally:
        answer.close()


def test_an_account_ends_when_it_was_said_to_and_a_later_end_opens_it_again(sandbox: Any) -> None:
    headers, accounts = sandbox.sign_up(OWNER), f"{sandbox.env['API_URL']}/v1/accounts"

    def mailed(subject: str) -> bool:
        return any(OWNER in mail["to"] and mail["subject"] == subject for mail in sandbox.aws("mails")["mails"])

    made = requests.post(accounts, headers=headers, json={"ttl": "14d"}, timeout=30)
    assert made.status_code == 202, made.text
    account = f"{accounts}/{made.json()['accountId']}"

    def shown() -> dict[str, Any]:
        return dict(requests.get(account, headers=headers, timeout=10).json())

    def change(ends: str) -> None:
        changed = requests.patch(account, headers=headers, json={"expiresAt": ends}, timeout=30)
        assert changed.status_code < 300, changed.text
        assert changed.json()["expiresAt"] == ends

    sandbox.until(lambda: shown()["status"] == "active", 60, "the account is active")
    assert timedelta(days=13) < datetime.fromisoformat(shown()["expiresAt"]) - datetime.now(UTC) <= timedelta(days=14)

    with streamed(f"{account}/events?follow=true", headers) as told:
        ends = from_now(seconds=4)
        change(ends)
        while shown()["status"] == "active":
            time.sleep(0.1)
        assert from_now() >= ends, "never earlier"
        sandbox.until(lambda: shown()["status"] == "suspended", 60, "the account is suspended")
        (reason,) = shown()["suspensionReasons"]
        assert reason["reason"] == "Expired"
        assert "closesAt" not in shown()
        assert requests.post(f"{account}/resume", headers=headers, timeout=10).json()["code"] == "account_held"
        sandbox.until(lambda: {"started", "succeeded"} <= steps(told, "expiry"), 30, "the stream tells of both")
        about = f"involvedObject.name={made.json()['accountId']},reason=AccountExpired"
        posted = ("get", "events", f"--field-selector={about}", "-o", "name")
        sandbox.until(lambda: sandbox.kubectl(*posted), 30, "the Event of the end")
        sandbox.until(lambda: mailed("Your AWS account has expired"), 30, "the mail of the end")

        later = from_now(days=30)
        change(later)
        sandbox.until(lambda: shown()["status"] == "active", 60, "the account is open again")
    assert shown()["expiresAt"] == later
    assert shown().get("suspensionReasons", []) == []


def steps(told: list[dict[str, Any]], step: str) -> set[str]:
    return {str(each["status"]) for each in told if each.get("step") == step}
