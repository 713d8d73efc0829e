"""The API server's command line, and the process from its start to SIGTERM."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import structlog
import uvloop
from fakes.api_world import World, settings
from fakes.until import until
from kubernetes.aio.client import ApiException

from batteries_apiserver import main as command
from batteries_apiserver import server
from batteries_apiserver.app import make_app
from batteries_apiserver.http.drain import DRAIN
from batteries_apiserver.keys import admin_key
from batteries_apiserver.kube.installation import NoInstallationError
from batteries_apiserver.settings import SETTINGS
from batteries_apiserver.tokens.rotate import NotRotatedError
from batteries_crds.kube.command import ExitStatus
from batteries_crds.runtime import logs


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a command did."""
    found: list[Any] = []

    async def serve(given: Any) -> None:
        found.append(("serve", given.namespace))

    async def create(given: Any, name: str) -> str:
        found.append(("admin-key", name))
        return "aib_secret"

    async def rotate(given: Any, *, emergency: bool) -> str:
        found.append(("rotate", emergency))
        return "Rotated."

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(admin_key, "create", create)
    monkeypatch.setattr(command, "rotate", rotate)
    monkeypatch.setattr(logs, "configure", lambda style, level, **more: found.append((style, level, *more)))
    monkeypatch.setattr(uvloop, "run", asyncio.run)
    for name in [name for name in os.environ if name.startswith(("BATTERIES_", "STRIPE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BATTERIES_NAMESPACE", "here")
    return found


def main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["batteries-apiserver", *words])
    return command.main()


@pytest.mark.parametrize(
    ("words", "did", "printed"),
    [
        (("run",), ("serve", "here"), ""),
        (("admin-key",), ("admin-key", "admin"), "aib_secret\n"),
        (("admin-key", "--name", "me"), ("admin-key", "me"), "aib_secret\n"),
        (("rotate-issuer-key",), ("rotate", False), "Rotated.\n"),
        (("rotate-issuer-key", "--emergency"), ("rotate", True), "Rotated.\n"),
    ],
    ids=str,
)
def test_each_command_does_its_own_and_prints_what_it_made(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ran: list[Any],
    words: tuple[str, ...],
    did: tuple[str, Any],
    printed: str,
) -> None:
    assert main(monkeypatch, *words) == ExitStatus.OK
    assert ran == [("json", "INFO", "context", "quiet"), did]
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("error", [NoInstallationError("No uid."), NotRotatedError("No keys.")])
def test_what_a_command_can_not_do_is_one_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ran: list[Any], error: Exception
) -> None:
    async def serve(given: Any) -> None:
        raise error

    monkeypatch.setattr(server, "serve", serve)
    assert main(monkeypatch, "run") == ExitStatus.FAILED
    said = "".join(capsys.readouterr())
    assert str(error) in said
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [(), ("nonsense",)])
def test_without_a_command_it_says_which_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        main(monkeypatch, *words)
    assert "rotate-issuer-key" in capsys.readouterr().err


async def test_an_administrators_key_is_stored_by_its_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_key, "connect", connect_to(world))
    raw = await admin_key.create(settings(), "me")
    [made] = [key for key in world.items("keys").values() if key.spec.role == "admin"]
    assert (made.spec.name, made.spec.key_prefix in raw) == ("me", True)
    assert raw not in str(made)


def connect_to(world: World) -> Any:
    """In the place of a connection to the cluster."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield world.api

    async def connect(kubeconfig: Any) -> Any:
        return opened()

    return connect


# --- the process


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> dict[int, Any]:
    """What would be called at each signal."""
    handlers: dict[int, Any] = {}
    loop = asyncio.get_event_loop_policy().get_event_loop().__class__

    def add(self: Any, number: int, handler: Any) -> None:
        handlers[number] = handler

    monkeypatch.setattr(loop, "add_signal_handler", add)
    return handlers


@asynccontextmanager
async def serving(world: World, patched: pytest.MonkeyPatch, **changes: Any) -> AsyncIterator[dict[str, Any]]:
    """The process, while the block runs; its application and the addresses that it logged."""
    about: dict[str, Any] = {}

    def made(given: Any) -> Any:
        @asynccontextmanager
        async def source(_: Any) -> AsyncIterator[Any]:
            yield world.kube

        about["app"] = make_app(given, source)
        return about["app"]

    patched.setattr(server, "make_app", made)
    own = {"api_host": "127.0.0.1", "api_port": 0, "api_metrics_port": 0, "api_shutdown_seconds": 0.4, **changes}
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(server.serve(settings(**own)))

        async def is_serving() -> Any:
            if task.done():
                await task
            return [line for line in lines if line["event"] == "serving"]

        [line] = await until(is_serving)
        about |= {"task": task, "line": line, "lines": lines}
        yield about
        if not task.done():
            task.cancel()


def port_of(about: dict[str, Any]) -> str:
    return str(about["line"]["addresses"][0]).rpartition(" ")[2].strip(")")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_serves_until_it_is_told_to_stop_and_then_drains(
    world: World, monkeypatch: pytest.MonkeyPatch, stop: dict[int, Any], number: int
) -> None:
    async with serving(world, monkeypatch) as about, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port_of(about)}/healthz"
        async with http.get(url) as response:
            assert (response.status, about["line"]["namespace"]) == (200, "n")
        assert stop.keys() == {signal.SIGTERM, signal.SIGINT}
        assert not about["app"][DRAIN].begun
        stop[number]()
        await asyncio.wait_for(about["task"], 30)
        assert about["app"][DRAIN].begun
        assert world.kube.caches.changes.stopping
        assert [line["event"] for line in about["lines"]][-1] == "stopping"
        with pytest.raises(aiohttp.ClientError):
            await http.get(url)


async def test_the_name_of_the_installation_is_read_at_the_start_where_checkouts_need_it(
    world: World, monkeypatch: pytest.MonkeyPatch, stop: dict[int, Any]
) -> None:
    refused = ApiException(status=403)

    def fail(request: Any) -> None:
        if request.plural == "n" or (request.namespace == "n" and not request.plural):
            raise refused

    world.api.before = fail
    world.kube = replace(world.kube, installation=replace(world.kube.installation, given=""))
    with pytest.raises(NoInstallationError):
        async with serving(world, monkeypatch, installation=""):
            pytest.fail("it serves")
    async with serving(world, monkeypatch, installation="", stripe_secret_key=None) as about:
        assert about["app"][SETTINGS].stripe_secret_key is None


async def test_an_outage_at_the_start_is_no_reason_not_to_serve(
    world: World, monkeypatch: pytest.MonkeyPatch, stop: dict[int, Any]
) -> None:
    def fail(request: Any) -> None:
        raise TimeoutError

    world.api.before = fail
    world.kube = replace(world.kube, installation=replace(world.kube.installation, given=""))
    async with serving(world, monkeypatch, installation="") as about:
        assert about["line"]["addresses"]
