"""Load by wrk: one thread that costs a server's machine little, and requests that go round a list of many.

One request sent again and again would measure whatever is kept of the last one; so the list has each account of each
customer, in an order that looks random and is the same in each run.
"""

import asyncio
import json
import random
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("api_load.lua")


class NoLoadGenerator(Exception):
    """There is no wrk; the text says how to get one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What wrk sends; a body makes it a POST."""

    path: str
    key: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run: answers a second, and how long they took in milliseconds."""

    rate: float
    p50: float
    p99: float
    failed: int

    @property
    def text(self) -> str:
        """For notes."""
        return f"{self.rate:.0f}/s, p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms"


def wrk() -> Path:
    """The program, installed where Debian's root asks for it.

    Raises:
        NoLoadGenerator: it is not there. A generator in Python would be slower than what it measures.
    """
    found = shutil.which("wrk")
    if found is None:
        raise NoLoadGenerator("wrk is missing. On Debian: apt install wrk. Nothing else here is fast enough for it.")
    return Path(found)


def write_requests(path: Path, requests: Iterable[Request]) -> Path:
    """The list for `press`, shuffled."""
    lines = [f"{each.path}\t{each.key}\t{each.body}\n" for each in requests]
    random.Random(1).shuffle(lines)  # noqa: S311  # the same in each run, no secret
    path.write_text("".join(lines))
    return path


def first_of(requests: Path) -> tuple[str, str]:
    """The path and the key of the first of them."""
    path, key, _ = requests.read_text().partition("\n")[0].split("\t")
    return path, key


async def press(url: str, requests: Path, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Sends the requests in turn, on so many connections, as fast as they are answered."""
    command = [str(wrk()), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(_SCRIPT), url]
    process = await asyncio.create_subprocess_exec(
        *command, "--", str(requests), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    result = output.decode().rpartition("RESULT ")[2]
    if process.returncode != 0 or not result.startswith("{"):
        raise RuntimeError(f"wrk ended with {process.returncode}:\n{output.decode()}")
    return Load(**json.loads(result))


async def in_turn(seconds: float, rounds: int, *targets: tuple[str, Path]) -> list[list[Load]]:
    """Presses each target (url and requests) by turns, A B A B, so that a noisy moment meets all alike.

    Raises:
        RuntimeError: an answer was no 2xx.
    """
    loads: list[list[Load]] = [[] for _ in targets]
    for _ in range(rounds):
        for into, (url, requests) in zip(loads, targets, strict=True):
            load = await press(url, requests, seconds)
            if load.failed:
                raise RuntimeError(f"{load.failed} requests to {url} failed")
            into.append(load)
    return loads


def middle(loads: list[Load]) -> Load:
    """The medians."""
    return Load(
        median(load.rate for load in loads),
        median(load.p50 for load in loads),
        median(load.p99 for load in loads),
        sum(load.failed for load in loads),
    )
