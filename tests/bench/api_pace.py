"""Reads at a steady pace, as customers who poll send them: how long the slowest hundredth of them takes.

Each request has its moment, and its time counts from there, also where the one before it is late: a server that
stops for a second is seen by all who came in that second. `python -m bench.api_pace FILE URL...` is a process of its
own, so that nothing else that a measurement does delays its clock. FILE is a list of `bench.api_load`.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import aiohttp

from batteries_sandbox.components import clean_environment

A_SECOND = 50
"""To each server: far from what it could answer, so that times are seen and not throughput."""


@dataclass
class Pace:
    """A steady sequence of reads of one server, and how many milliseconds each took."""

    session: aiohttp.ClientSession
    url: str
    reads: list[tuple[str, str]]
    late: float = 0.0
    """Part of the time between two reads by which it begins later: two servers are not asked at one moment."""
    taken: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """For ever."""
        begun, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while True:
                moment = begun + (number + self.late) / A_SECOND
                await asyncio.sleep(max(0.0, moment - time.perf_counter()))
                group.create_task(self._read(*self.reads[number % len(self.reads)], moment))
                number += 1

    async def _read(self, path: str, key: str, moment: float) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        async with self.session.get(f"{self.url}{path}", headers=headers) as answer:
            answer.raise_for_status()
            await answer.read()
        self.taken.append((time.perf_counter() - moment) * 1000)

    def slowest(self) -> float:
        """The 99th percentile of what was taken since this was last asked; 0 where nothing was."""
        taken, self.taken = sorted(self.taken), []
        return taken[int(len(taken) * 0.99)] if taken else 0.0


async def _serve(file: Path, urls: list[str]) -> None:
    """Answers each line of standard input with the slowest since the one before."""
    lines = [line.split("\t") for line in file.read_text().splitlines()]  # noqa: ASYNC240  # before it begins
    reads = [(path, key) for path, key, _ in lines]
    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        paces = [Pace(session, url, reads, index / len(urls)) for index, url in enumerate(urls)]
        tasks = [group.create_task(pace.run()) for pace in paces]
        while await asked.readline():
            print(json.dumps([pace.slowest() for pace in paces]), flush=True)
        for task in tasks:
            task.cancel()


class Pacer:
    """The running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def lap(self) -> list[float]:
        """For each server the 99th percentile since the last lap, in milliseconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("A paced read failed; what failed is above.")
        laps: list[float] = json.loads(line)
        return laps


@asynccontextmanager
async def paced(requests: Path, *urls: str) -> AsyncIterator[Pacer]:
    """Reads go to each of `urls` while the block lasts."""
    environment = {**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.api_pace", str(requests), *urls, stdin=PIPE, stdout=PIPE, env=environment
    )
    try:
        yield Pacer(process)
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
