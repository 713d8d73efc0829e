"""No secret in any log, after all that the other tests made the sandbox do. Runs last: see `conftest.py`."""

import base64
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

FORMS = {
    "a raw API key": re.compile(r"aib_[0-9a-f]{8}_[0-9A-Za-z]{36}"),
    "a checkout session's id": re.compile(r"cs_(?:test|live)_[0-9A-Za-z]{20,}"),
    "a client secret": re.compile(r"seti_[0-9A-Za-z]+_secret_"),
    "a card number": re.compile(r"4242[ -]?4242[ -]?4242[ -]?4242"),
    "a bearer token": re.compile(r"[Bb]earer [0-9A-Za-z._~-]{16,}"),
}
"""How secrets look, whichever they are: so those of every test before are found, and of the journey."""


@pytest.mark.last
def test_no_log_of_any_part_holds_a_secret(sandbox: Any) -> None:
    secrets = _in_play(sandbox)
    logs = sorted(Path(sandbox.env["LOG_DIR"]).iterdir())
    assert {"apiserver.log", "operator.log", "stripe.log", "aws.log", "kube-apiserver.log", "etcd.log"} <= {
        path.name for path in logs
    }
    assert [finding for path in logs for finding in _findings(path, secrets)] == []


@pytest.mark.last
def test_the_logs_are_those_of_a_system_that_worked(sandbox: Any) -> None:
    """Or else the test above would find nothing in an empty file."""
    text = (Path(sandbox.env["LOG_DIR"]) / "apiserver.log").read_text()
    for event in ("key_claimed", "customer_created", "webhook_refused", "malformed_request"):
        assert event in text, event


def _in_play(sandbox: Any) -> dict[str, str]:
    """Secrets by their value, in each form that they might be written in; some are put into play first."""
    env = sandbox.env
    secrets = {
        env["STRIPE_SECRET_KEY"]: "the Stripe secret key",
        env["STRIPE_WEBHOOK_SECRET"]: "the webhook secret",
        env["ADMIN_API_KEY"]: "the administrator's key",
        _provoke(sandbox): "a customer's key",
        _token(Path(env["KUBECONFIG"])): "the cluster administrator's token",
    }
    passwords = list(_first_passwords(sandbox))
    assert passwords, "the journey makes an account, and so a password"
    secrets |= dict.fromkeys(passwords, "an IAM user's first password")
    encoded = {
        base64.b64encode(value.encode()).decode().rstrip("="): f"{what}, in base64" for value, what in secrets.items()
    }
    return secrets | encoded


def _provoke(sandbox: Any) -> str:
    """Sends secrets where they don't belong, so that whoever logs what is refused is found out; a key in play."""
    api = sandbox.env["API_URL"]
    headers = sandbox.sign_up("secrets@example.com")
    key = str(headers["Authorization"].removeprefix("Bearer "))
    session = "cs_test_" + "a" * 58
    for path in (f"/v1/stripe/session/{session}", f"/v1/accounts/{key}", f"/{key}", f"/v1/accounts?key={key}"):
        requests.get(api + path, headers={"X-Request-Id": "probe", **headers}, timeout=10)
    requests.post(f"{api}/v1/stripe/callback", data=key, headers={"Stripe-Signature": key}, timeout=10)
    requests.post(f"{api}/v1/accounts", data=f'{{"githubRepos": ["{key}"]}}', headers=headers, timeout=10)
    requests.get(f"{api}/v1/accounts", headers={"Authorization": f"Bearer {key}x"}, timeout=10)
    _send_raw(api, f"GET /v1/stripe/session/{session} HTTP/9.9\r\nAuthorization: Bearer {key}\r\n\r\n")
    _send_raw(api, f"GET / HTTP/1.1\r\nAuthorization: Bearer {key}\x00\r\n\r\n")
    return key


def _send_raw(api: str, text: str) -> None:
    place = urlsplit(api)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        connection.sendall(text.encode())
        connection.recv(4096)


def _token(kubeconfig: Path) -> str:
    found = re.search(r"token: (\S+)", kubeconfig.read_text())
    assert found is not None
    return found[1]


def _first_passwords(sandbox: Any) -> Iterator[str]:
    for secret in json.loads(sandbox.kubectl("get", "secrets", "-o", "json"))["items"]:
        for name, value in secret.get("data", {}).items():
            if "password" in name.lower():
                yield base64.b64decode(value).decode()


def _findings(path: Path, secrets: dict[str, str]) -> Iterator[str]:
    """Which secret stands in which line; never the secret itself, for this ends in a log as well."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        for what, form in FORMS.items():
            if form.search(line):
                yield f"{path.name}:{number}: {what}"
        for value, what in secrets.items():
            if value in line:
                yield f"{path.name}:{number}: {what}"
