"""One process at a time builds what the cache lacks; a release is used only if its checksum matches."""

import hashlib
import http.server
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from batteries_sandbox import download
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.file_lock import file_lock

HOLDER = "import sys, time; from pathlib import Path; from batteries_sandbox.file_lock import file_lock\n"
HOLDER += "with file_lock(Path(sys.argv[1]), 'etcd'): print('held', flush=True); sys.stdin.read()"
PROGRAM = b"#!/bin/sh\necho kube\n"
VERSION = "v1.2.3"


def hold(lock: Path) -> subprocess.Popen[str]:
    """Another process, which holds the lock until its stdin ends."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "etcd.lock"
    first = hold(lock)
    assert first.stdin is not None
    threading.Timer(0.2, first.stdin.close).start()
    with file_lock(lock, "etcd"):
        assert first.wait(10) == 0, "the first has ended before the second began"
    assert "Another process is making etcd; waiting for it" in capsys.readouterr().out


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "etcd.lock"
    first = hold(lock)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    with file_lock(lock, "etcd"):
        pass
    assert capsys.readouterr().out == ""


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file server as dl.k8s.io is one; the folder of this machine's programs."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    folder = tmp_path / "server" / "release" / VERSION / "bin" / "linux" / machine
    folder.mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "server"))  # type: ignore[arg-type]

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(download.BASE, f"http://127.0.0.1:{server.server_port}/release/")
    yield folder
    server.shutdown()
    server.server_close()


def publish(folder: Path, algorithm: str | None, content: bytes = PROGRAM) -> None:
    (folder / "kube-apiserver").write_bytes(content)
    if algorithm is not None:
        digest = hashlib.new(algorithm, PROGRAM).hexdigest()
        (folder / f"kube-apiserver.{algorithm}").write_text(f"{digest}  kube-apiserver\n")


@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
def test_an_official_release_is_taken_once_its_checksum_fits(releases: Path, tmp_path: Path, algorithm: str) -> None:
    publish(releases, algorithm)
    taken = download.official("kube-apiserver", VERSION, tmp_path / "cache")
    assert taken is not None
    assert subprocess.run([taken], capture_output=True, check=True).stdout == b"kube\n"
    (releases / "kube-apiserver").unlink()
    assert download.official("kube-apiserver", VERSION, tmp_path / "cache") == taken, "it is kept"


def test_a_program_that_is_not_what_was_published_is_never_used(releases: Path, tmp_path: Path) -> None:
    publish(releases, "sha512", PROGRAM + b"evil\n")
    with pytest.raises(SandboxError, match="does not have the sha512 checksum"):
        download.official("kube-apiserver", VERSION, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("published", [True, False], ids=["no checksum", "nothing"])
def test_it_is_built_where_it_cant_be_had(
    releases: Path, tmp_path: Path, published: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if published:
        publish(releases, None)
    assert download.official("kube-apiserver", VERSION, tmp_path / "cache") is None
    assert "building it from source instead" in capsys.readouterr().out


def test_without_the_setting_nothing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(download.BASE, raising=False)
    assert download.official("kube-apiserver", VERSION, tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()
