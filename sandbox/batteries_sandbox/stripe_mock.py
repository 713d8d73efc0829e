"""stripe-mock, Stripe's own check of requests against Stripe's own schema: built from source once, kept by version.

It has no state and canned answers, so nothing runs on it; tests ask it whether Stripe would understand our requests.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT, cache_dir

SOURCE = CHECKOUT / "sandbox" / "stripe_mock"
_PACKAGE = "github.com/stripe/stripe-mock"
_BUILD_SECONDS = 300


def provide() -> Path | None:
    """The program; None where there is no Go to build it with.

    Raises:
        SandboxError: it can't be built.
    """
    target = cache_dir() / "stripe-mock" / _version() / "stripe-mock"
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(partial), _PACKAGE],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise SandboxError(
            "stripe-mock could not be built. If its modules could not be downloaded, set GOPROXY to a Go module proxy "
            f"that you reach.\n{done.stderr.strip()[-1500:]}"
        )
    # Renamed only when whole: a build that was broken off leaves nothing that looks like a program.
    partial.rename(target)
    return target


def _version() -> str:
    """Its version and a hash of the whole go.mod: other sources, another folder."""
    text = (SOURCE / "go.mod").read_text()
    match = re.search(rf"{_PACKAGE} (v\S+)", text)
    if match is None:
        raise SandboxError(f"{SOURCE / 'go.mod'} names no {_PACKAGE}. Restore it with `git checkout`.")
    return f"{match[1]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
