"""The sandbox as a guest on somebody's machine: alone where it must be, and no more allowed than a cluster allows."""

import subprocess
import sys
from typing import Any

import pytest

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT, Ports


def test_a_second_start_on_a_live_sandbox_says_so(sandbox: Any) -> None:
    command = [sys.executable, "-m", "batteries_sandbox.main", "run"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=sandbox.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "A sandbox is running in" in done.stderr
    assert sandbox.env["API_URL"] in done.stderr


def test_a_taken_port_is_named(sandbox: Any) -> None:
    with pytest.raises(SandboxError, match=f"Port {sandbox.port_base} is taken"):
        Ports(sandbox.port_base).check_free()


@pytest.mark.parametrize(
    ("account", "verb", "what", "allowed"),
    [
        ("batteries-operator", "patch", "awsaccounts/status", "yes"),
        ("batteries-operator", "delete", "awsaccounts", "no"),
        ("batteries-operator", "list", "secrets", "no"),
        ("batteries-operator", "get", "apikeys", "no"),
        ("batteries-apiserver", "create", "awsaccounts", "yes"),
        ("batteries-apiserver", "patch", "awsaccounts/status", "no"),
        ("batteries-apiserver", "get", "secrets", "yes"),  # first passwords, revealed once
        ("batteries-apiserver", "list", "secrets", "no"),
    ],
)
def test_each_program_may_do_what_the_chart_grants_and_no_more(
    sandbox: Any, account: str, verb: str, what: str, allowed: str
) -> None:
    who = f"--as=system:serviceaccount:{sandbox.env['NAMESPACE']}:{account}"
    resource, _, subresource = what.partition("/")
    full = resource if resource == "secrets" else f"{resource}.aibatteriesincluded.com"
    arguments = ["auth", "can-i", verb, full, who, *([f"--subresource={subresource}"] if subresource else [])]
    try:
        answer = sandbox.kubectl(*arguments).strip()
    except SandboxError:
        answer = "no"  # kubectl says no by its exit status
    assert answer == allowed
