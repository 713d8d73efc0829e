"""kube-apiserver from an official Kubernetes release: seconds instead of the minutes of a build.

KUBERNETES_DOWNLOAD_BASE names the releases' location, such as https://dl.k8s.io or a mirror of it. The program is used
only if its published checksum matches; if it can't be downloaded at all, it is built from source as without the
setting.
"""

import hashlib
import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.file_lock import file_lock

BASE = "KUBERNETES_DOWNLOAD_BASE"
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SECONDS = 60


def official(name: str, version: str, cache: Path) -> Path | None:
    """The program of that release, kept in `cache`; None without the setting, or if it can't be downloaded.

    Raises:
        SandboxError: what came is not what its checksum says; it is never used.
    """
    base = os.environ.get(BASE, "").strip().rstrip("/")
    machine = _ARCHITECTURES.get(platform.machine().lower())
    if not base or machine is None or sys.platform != "linux":
        return None
    target = cache / f"{version}-official" / name
    with file_lock(target.with_suffix(".lock"), name):
        if target.exists():
            return target
        return _fetch(f"{base}/{version}/bin/linux/{machine}/{name}", target)


def _fetch(url: str, target: Path) -> Path | None:
    print(f"Taking {target.name} from {url}", flush=True)
    partial = target.with_suffix(".partial")
    try:
        algorithm, wanted = _checksum(url)
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, partial.open("wb") as file:  # noqa: S310  # the setting's
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError, ValueError) as error:
        partial.unlink(missing_ok=True)
        print(f"It can't be downloaded ({error}); building it from source instead", flush=True)
        return None
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != wanted:
        partial.unlink()
        raise SandboxError(
            f"{url} does not have the {algorithm} checksum that is published beside it, so it is not used. "
            f"Try again, or unset {BASE} to have it built from source."
        )
    partial.chmod(0o755)
    # Renamed only when complete and checked: an interrupted download leaves nothing that looks like a program.
    return partial.rename(target)


def _checksum(url: str) -> tuple[str, str]:
    """The algorithm and the digest that are published beside the file; the stronger where there are both."""
    missing: Exception | None = None
    for algorithm in ("sha512", "sha256"):
        try:
            with urllib.request.urlopen(f"{url}.{algorithm}", timeout=_SECONDS) as answer:  # noqa: S310  # the setting's
                text = answer.read(4096).decode(errors="replace").split()
        except urllib.error.HTTPError as error:
            missing = error
            continue
        if not text:
            raise ValueError(f"{url}.{algorithm} is empty")
        return algorithm, text[0].lower()
    raise ValueError(f"no checksum is published beside it: {missing}")
