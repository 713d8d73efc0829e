"""kstatus, by which Flux decides whether an object is ready: a few lines of Go around the real library."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "kstatus"


def provide() -> Path:
    """The program.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool("kstatus", SOURCE, ".", "github.com/fluxcd/cli-utils", seconds=30)


def verdicts(objects: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """For each object its status (Current, InProgress, Failed, Terminating) and the sentence with it.

    Raises:
        SandboxError: the program can't be built.
    """
    told = subprocess.run([provide()], input=json.dumps(list(objects)), capture_output=True, text=True, check=True)
    return [(each["status"], each["message"]) for each in json.loads(told.stdout)]
