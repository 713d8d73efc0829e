"""`batteries-apiserver` as a process: its commands, its metrics, its logs, and how it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import unused_port

from batteries_apiserver.auth.key_format import mint
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources, connect
from batteries_crds.runtime.listening import has_ipv6

COMMAND = str(Path(sys.executable).parent / "batteries-apiserver")


class Cluster(Protocol):
    """What the `cluster` fixture gives."""

    kubeconfig: Any

    def namespace(self) -> str: ...


@pytest.fixture
def environment(cluster: Cluster) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "BATTERIES_KUBECONFIG": str(cluster.kubeconfig),
        "BATTERIES_NAMESPACE": cluster.namespace(),
        "BATTERIES_API_HOST": "127.0.0.1",
        "BATTERIES_API_PORT": str(unused_port()),
        "BATTERIES_API_METRICS_PORT": str(unused_port()),
        "STRIPE_SECRET_KEY": "sk_test_never_shown",
        "BATTERIES_STRIPE_TEST_MODE": "true",
    }


async def run(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """A command to its end: status, stdout, stderr."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(COMMAND, *arguments, env=environment, stdout=pipe, stderr=pipe)
    out, error = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode(), error.decode()


@asynccontextmanager
async def serving(environment: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`run` in the background, until it is ready."""
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(COMMAND, "run", env=environment, stderr=stderr)
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            while not await _ready(http, url(environment)):
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(http: aiohttp.ClientSession, base: str) -> bool:
    try:
        async with http.get(f"{base}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def url(environment: dict[str, str], port: str = "BATTERIES_API_PORT") -> str:
    return f"http://127.0.0.1:{environment[port]}"


async def test_an_administrators_key_is_printed_alone_and_works(environment: dict[str, str], tmp_path: Path) -> None:
    status, out, _ = await run(environment, "admin-key", "--name", "installer")
    assert status == 0
    [key] = out.splitlines()
    async with serving(environment, tmp_path / "log"), aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {key}"}
        async with http.get(f"{url(environment)}/v1/accounts", headers=headers) as response:
            assert response.status == 403  # known, and no customer's
    assert key not in (tmp_path / "log").read_text()


async def test_metrics_count_requests_by_route_on_their_own_port(environment: dict[str, str], tmp_path: Path) -> None:
    async with serving(environment, tmp_path / "log"), aiohttp.ClientSession() as http:
        await http.get(f"{url(environment)}/v1/accounts/some-id")
        assert (await http.get(f"{url(environment)}/metrics")).status == 404
        text = await (await http.get(f"{url(environment, 'BATTERIES_API_METRICS_PORT')}/metrics")).text()
    labels = 'fault="caller",method="GET",route="/v1/accounts/{id}",status="401"'
    assert f"batteries_http_requests_total{{{labels}}} 1.0" in text
    assert 'batteries_api_cache_age_seconds{resource="awsaccounts"}' in text


async def test_sigterm_lets_it_end_by_itself_and_logs_are_json_without_secrets(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environment, tmp_path / "log") as process:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    text = (tmp_path / "log").read_text()
    lines = [orjson.loads(line) for line in text.splitlines()]
    assert {"serving", "request", "stopping"} <= {line["event"] for line in lines}
    assert all("request_id" in line for line in lines if line["event"] == "request")
    assert "sk_test_never_shown" not in text


async def test_a_connection_that_sends_its_headers_too_slowly_is_closed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = int(environment["BATTERIES_API_PORT"])
    whole, begun = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nX-Slow: "
    async with serving({**environment, "BATTERIES_API_IDLE_SECONDS": "1"}, tmp_path / "log"):
        for first in (begun, whole + begun):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            reading = asyncio.create_task(reader.read())
            async with asyncio.timeout(5):
                while not reading.done():
                    writer.write(b"a")  # slowly, but never silent
                    await asyncio.sleep(0.1)
            writer.close()


async def test_sigterm_answers_whoever_waits_and_ends_streams_before_it_ends_itself(
    environment: dict[str, str], cluster: Cluster, tmp_path: Path
) -> None:
    namespace, key = environment["BATTERIES_NAMESPACE"], mint()
    async with await connect(str(cluster.kubeconfig)) as api:
        spec = {"customerRef": {"name": "c"}, "keyPrefix": key.prefix, "keyHash": key.digest}
        await Resources(api, ApiKey, "test").create(namespace, {"metadata": {"name": "k"}, "spec": spec})
        spec = {"customerRef": {"name": "c"}}
        account = await Resources(api, AwsAccount, "test").apply(namespace, "a", {"spec": spec})
    path = f"{url(environment)}/v1/accounts/{account.account_id}"
    headers = {"Authorization": f"Bearer {key.raw}"}
    async with serving(environment, tmp_path / "log") as process, aiohttp.ClientSession(headers=headers) as http:
        waiting = asyncio.create_task(http.get(path, headers={"Prefer": "wait=20"}))
        stream = await http.get(f"{path}/events", headers={"Accept": "text/event-stream"})
        assert stream.status == 200
        await asyncio.sleep(0.3)  # until the first is under way, too
        assert not waiting.done()
        begun = asyncio.get_running_loop().time()
        process.send_signal(signal.SIGTERM)
        answer = await asyncio.wait_for(waiting, 5)
        assert (answer.status, (await answer.json())["status"]) == (200, "pending")
        await asyncio.wait_for(stream.read(), 5)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert asyncio.get_running_loop().time() - begun < 5
    assert key.raw not in (tmp_path / "log").read_text()


async def test_a_wrong_setting_is_named_and_its_value_is_not_shown(environment: dict[str, str]) -> None:
    status, _, error = await run({**environment, "BATTERIES_API_PORT": "not-a-port"}, "run")
    assert status == 2
    assert "BATTERIES_API_PORT must be a valid integer" in error
    assert "not-a-port" not in error


async def test_without_a_cluster_it_says_how_to_give_one(environment: dict[str, str]) -> None:
    status, _, error = await run({**environment, "BATTERIES_KUBECONFIG": "/nowhere"}, "run")
    assert status == 1
    assert "BATTERIES_KUBECONFIG" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
async def test_it_answers_by_ipv4_and_by_ipv6(environment: dict[str, str], tmp_path: Path, address: str) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    everywhere = {name: value for name, value in environment.items() if name != "BATTERIES_API_HOST"}
    async with serving(everywhere, tmp_path / "log"), aiohttp.ClientSession() as http:
        for port, path in (("BATTERIES_API_PORT", "healthz"), ("BATTERIES_API_METRICS_PORT", "metrics")):
            async with http.get(f"http://{address}:{environment[port]}/{path}") as response:
                assert response.status == 200
