"""Two replicas of the API: what one revokes the other refuses, and restarting both in turn loses no request.

`make ha` prints the counts.
"""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests

from batteries_sandbox.components import BIN
from batteries_sandbox.paths import free_port_base

OUT_OF_SERVICE_SECONDS = 0.5
"""What the chart's preStop sleep is for, shorter: here the balancer knows at once."""

WORKERS = 8


@dataclass
class Replica:
    """An API server with ports of its own, on the sandbox's cluster."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.environment["BATTERIES_API_PORT"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "batteries-apiserver"), "run"], env=self.environment, stdout=log, stderr=log
            )

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> int:
        """SIGTERM, as a rollout; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@pytest.fixture
def replicas(sandbox: Any, tmp_path: Path) -> Iterator[list[Replica]]:
    """Two, with the environment of the sandbox's own API server."""
    text = Path(f"/proc/{sandbox.env['API_PID']}/environ").read_text()
    environment = dict(line.partition("=")[::2] for line in text.split("\0") if line)
    # A hundred requests a second of one customer are what is wanted here.
    environment |= dict.fromkeys(("BATTERIES_RATE_LIMIT_ANONYMOUS", "BATTERIES_RATE_LIMIT_KEY"), "0")
    environment |= {"BATTERIES_API_KEY_LIMIT": "1000"}
    first = free_port_base()
    made = []
    for number in range(2):
        port = first + 2 * number
        ports = {"BATTERIES_API_PORT": str(port), "BATTERIES_API_METRICS_PORT": str(port + 1)}
        made.append(Replica(environment | ports, tmp_path / f"api-{number}.log"))
    try:
        for each in made:
            each.start()
        for each in made:
            sandbox.until(each.is_ready, 30, "the replica is ready")
        yield made
    finally:
        for each in made:
            if each.process is not None and each.process.poll() is None:
                each.process.kill()
                each.process.wait()


def test_a_key_revoked_on_one_is_refused_on_the_other_within_a_second(sandbox: Any, replicas: list[Replica]) -> None:
    longest = 0.0
    headers = sandbox.sign_up("replicas@example.com")
    for _ in range(5):
        made = requests.post(f"{replicas[0].url}/v1/keys", headers=headers, json={"name": "rolling"}, timeout=5)
        assert made.status_code == 201, made.text
        key = {"Authorization": f"Bearer {made.json()['key']}"}
        sandbox.until(lambda key=key: _status(replicas[1], key) == 200, 5, "the other replica knows the key")
        revoked = requests.delete(f"{replicas[0].url}/v1/keys/{made.json()['id']}", headers=headers, timeout=5)
        assert revoked.status_code in {200, 204}, revoked.text
        began = time.monotonic()
        while _status(replicas[1], key) == 200:
            assert time.monotonic() - began < 1
        longest = max(longest, time.monotonic() - began)
    print(f"\nA revoked key was refused by the other replica after {longest * 1000:.0f} ms at most, of five")


def _status(replica: Replica, headers: dict[str, str]) -> int:
    return requests.get(f"{replica.url}/v1/accounts", headers=headers, timeout=5).status_code


@dataclass
class Balancer:
    """What a Service is: new connections go in turn to the replicas that are in it; open ones stay where they are."""

    targets: list[int]
    _turn: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        async with server:
            yield f"http://{host}:{port}"
            for task in self._open:
                task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        target = self.targets[self._turn % len(self.targets)]
        upstream, downstream = await asyncio.open_connection("127.0.0.1", target)
        for source, sink in ((reader, downstream), (upstream, writer)):
            task = asyncio.create_task(_copy(source, sink))
            self._open.add(task)
            task.add_done_callback(self._open.discard)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    sink.close()


async def test_a_rolling_restart_of_both_under_load_loses_no_request(sandbox: Any, replicas: list[Replica]) -> None:
    headers = await asyncio.to_thread(sandbox.sign_up, "rolling@example.com")
    balancer, done = Balancer([each.port for each in replicas]), asyncio.Event()
    answers: Counter[str] = Counter()
    async with balancer.serve() as url:
        # Keep-alive connections and no retries: a request that a replica drops is one that a customer misses.
        connector = aiohttp.TCPConnector(limit=WORKERS)
        async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:
            workers = [asyncio.create_task(_load(session, done, answers)) for _ in range(WORKERS)]
            for each in replicas:
                await _enough(answers)
                await _restart(sandbox, balancer, each)
            await _enough(answers)
            done.set()
            await asyncio.gather(*workers)
    assert answers.keys() == {"200", "201", "204"}, answers
    print(f"\nRestarted both replicas in turn under load: {answers.total()} requests, none lost: {dict(answers)}")


async def _restart(sandbox: Any, balancer: Balancer, replica: Replica) -> None:
    """As a rollout does: out of the Service, preStop, SIGTERM, a new one, back when it is ready."""
    balancer.targets = [port for port in balancer.targets if port != replica.port]
    await asyncio.sleep(OUT_OF_SERVICE_SECONDS)
    assert await asyncio.to_thread(replica.stop) == 0
    replica.start()
    await asyncio.to_thread(sandbox.until, replica.is_ready, 30, "the replica is back")
    balancer.targets = [*balancer.targets, replica.port]


async def _load(session: aiohttp.ClientSession, done: asyncio.Event, answers: Counter[str]) -> None:
    """Reads and writes, one after the other."""
    while not done.is_set():
        for method, path in (("GET", "/v1/accounts"), ("GET", "/v1/keys"), ("POST", "/v1/keys")):
            try:
                body = {"name": "rolling"} if method == "POST" else None
                async with session.request(method, path, json=body) as answer:
                    told = await answer.json()
                    answers[str(answer.status)] += 1
                if answer.status == 201:
                    async with session.delete(f"/v1/keys/{told['id']}") as gone:
                        answers[str(gone.status)] += 1
            except aiohttp.ClientError as error:
                answers[type(error).__name__] += 1


async def _enough(answers: Counter[str]) -> None:
    """Until a hundred more were answered."""
    wanted = answers.total() + 100
    async with asyncio.timeout(30):
        while answers.total() < wanted:
            await asyncio.sleep(0.05)
