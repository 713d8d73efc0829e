"""The sandbox as a guest on somebody's machine: gone when it ends."""

import os
import signal
from typing import Any

import pytest

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import Ports


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
