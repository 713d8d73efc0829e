"""Small looks from outside: what a process holds, how long an answer takes to come."""

import os
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

MEBIBYTE = 2**20


def resident(pid: int) -> float:
    """The memory of a process that is in use, in MiB: `Pss` of proc(5), which shares out what is shared."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024


@dataclass(frozen=True, slots=True)
class Timed:
    """One answer: milliseconds to its first bytes and to its last, and its body."""

    first: float
    whole: float
    body: bytes


def timed_get(url: str, key: str) -> Timed:
    """GET on a connection that is open already, read as it comes."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=60)
    connection.connect()
    begun = time.perf_counter()
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    pieces = [answer.read1(MEBIBYTE)]
    first = time.perf_counter()
    while piece := answer.read1(MEBIBYTE):
        pieces.append(piece)
    whole = time.perf_counter()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{url} answered {answer.status}")
    return Timed((first - begun) * 1000, (whole - begun) * 1000, b"".join(pieces))


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has had: `utime` and `stime` of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
