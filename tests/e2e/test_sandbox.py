"""The sandbox as a guest on somebody's machine: alone where it must be, gone when it ends."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT, Ports


def test_a_second_start_on_a_live_sandbox_says_so(sandbox: Any) -> None:
    command = [sys.executable, "-m", "batteries_sandbox.main", "run"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=sandbox.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "A sandbox is up in" in done.stderr
    assert sandbox.env["API_URL"] in done.stderr


def test_a_taken_port_is_named(sandbox: Any) -> None:
    with pytest.raises(SandboxError, match=f"Port {sandbox.port_base} is taken"):
        Ports(sandbox.port_base).check_free()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_ended_sandbox_leaves_no_process_and_no_port(fresh_sandbox: Any, number: signal.Signals) -> None:
    marker = str(fresh_sandbox.folder)
    assert len(_processes(marker)) >= 3
    fresh_sandbox.process.send_signal(number)
    status = fresh_sandbox.process.wait(timeout=60)
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    fresh_sandbox.until(lambda: not _processes(marker), 20, f"no process of {marker} is left")
    fresh_sandbox.until(lambda: _free(fresh_sandbox.port_base), 20, "its ports are free")
    assert number == signal.SIGKILL or not (fresh_sandbox.folder / "env").exists()


def _free(base: int) -> bool:
    try:
        Ports(base).check_free()
    except SandboxError:
        return False
    return True


def _processes(marker: str) -> list[int]:
    """Processes that name the sandbox's folder in their command line or environment."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as line, open(f"/proc/{name}/environ", "rb") as environ:
                if marker.encode() in line.read() + environ.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


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
