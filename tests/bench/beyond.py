"""What breaks first on the way to 100,000 accounts, worked out where it can't be run.

`PYTHONPATH=tests .venv/bin/python -m bench.beyond` prints it as Markdown; `make bench` comes first.

AWS's side is simulated with the numbers that it publishes and the operator's own spacing of looks: a token bucket for
CreateAccount, five places, and creations that take their varying time. What a resync asks is set against AWS's rates,
and sizes and times go on in the line that `make bench` measured between its two largest numbers of accounts.
"""

import heapq
import json
import math
import random
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from batteries_operator.limits.creation_poller import BETWEEN_DESCRIPTIONS, LONGEST
from batteries_operator.limits.creation_poller import SHARE as LOOK_SHARE
from batteries_operator.limits.duration_estimate import REMEMBERED
from batteries_operator.limits.polling import next_poll_delay
from batteries_sandbox.paths import CHECKOUT

SIZES = (10_000, 30_000, 100_000)
RESULTS = CHECKOUT / "dist" / "bench" / "results.json"

# Calls a second that AWS publishes for an organization (Organizations quotas page, "Throttling limits"), and for all
# of Identity Center (IAM Identity Center quotas page, "Throttle limits").
CREATE_ACCOUNT, CREATE_BURST = 0.1, 3
RATES = {"DescribeAccount": 20.0, "ListParents": 5.0, "Identity Center": 20.0}
COMPARISON = {"DescribeAccount": 1, "ListParents": 1, "Identity Center": 1}
"""What the resync of one account asks of the organization; IAM's limits are the account's own."""

SHARE = 0.5
"""Of a rate that a resync may use: the rest is for accounts that are being made."""


@dataclass(frozen=True, slots=True)
class Creations:
    """What a simulated run came to."""

    days: float
    looks_a_second: float
    late: float
    """Seconds from a creation's end until the operator knew, on average."""


class _Organization:
    """AWS's side: a bucket, places, and creations under way as (next look, made at, ends at).

    Of an organization that has made more than some fifty, each look is a description of one.
    """

    def __init__(self, places: int, seconds: float, seed: int) -> None:
        self._places, self._seconds = places, seconds
        self._random = random.Random(seed)  # noqa: S311  # a simulation
        self._tokens, self._filled = float(CREATE_BURST), 0.0
        self._due: list[tuple[float, float, float]] = []
        self._lasted: deque[float] = deque(maxlen=REMEMBERED)
        self._free_at = 0.0
        self.now, self.looks, self.late = 0.0, 0, 0.0

    def create(self) -> None:
        """Waits for a place and a token, and begins one."""
        while len(self._due) == self._places:
            self.look()
        self._tokens = min(CREATE_BURST, self._tokens + (self.now - self._filled) * CREATE_ACCOUNT)
        if self._tokens < 1:
            there = self.now + (1 - self._tokens) / CREATE_ACCOUNT
            while self._due and self._due[0][0] < there:
                self.look()
            self.now, self._tokens = max(self.now, there), 1.0
        self._filled = self.now
        self._tokens -= 1
        lasts = self._random.lognormvariate(math.log(self._seconds), 0.3)
        first = self.now + max(min(self._lasted, default=0.0), BETWEEN_DESCRIPTIONS)
        heapq.heappush(self._due, (first, self.now, self.now + lasts))

    def look(self) -> None:
        """The creation that is due first is looked at, as soon as AWS's rate has room."""
        at, made, ends = heapq.heappop(self._due)
        self.now = max(self.now, at, self._free_at)
        self._free_at = self.now + BETWEEN_DESCRIPTIONS
        self.looks += 1
        if ends <= self.now:
            self.late += self.now - ends
            self._lasted.append(ends - made)
        else:
            again = self.now + next_poll_delay(self.now - made, BETWEEN_DESCRIPTIONS, LONGEST, LOOK_SHARE)
            heapq.heappush(self._due, (again, made, ends))

    def finish(self) -> None:
        """All that is under way ends."""
        while self._due:
            self.look()


def creations(accounts: int, *, places: int = 5, seconds: float = 60.0, seed: int = 1) -> Creations:
    """One organization makes so many accounts, each in about `seconds` (lognormal: nobody publishes durations)."""
    organization = _Organization(places, seconds, seed)
    for _ in range(accounts):
        organization.create()
    organization.finish()
    end = organization.now
    return Creations(end / 86_400, organization.looks / end, organization.late / accounts)


def resync_hours(accounts: int) -> tuple[str, float]:
    """The call that binds, and the shortest interval, in hours, in which all accounts can be compared."""
    hours = {call: accounts * often / (RATES[call] * SHARE) / 3600 for call, often in COMPARISON.items()}
    return max(hours.items(), key=lambda each: each[1])


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured at two numbers of accounts, and goes on like that."""

    accounts: tuple[int, int]
    values: tuple[float, float]

    def at(self, accounts: int) -> float:
        """What it is at so many."""
        (first, last), (low, high) = self.accounts, self.values
        return high + (accounts - last) * (high - low) / (last - first)


def line(measured: Mapping[str, float], cost: str) -> Line:
    """The line of a cost through its two largest sizes; `cost@accounts` are the points of its curve.

    Raises:
        SystemExit: it was not measured.
    """
    points = sorted((int(key.split("@")[1]), value) for key, value in measured.items() if key.startswith(f"{cost}@"))
    if len(points) < 2:
        sys.exit(f"{RESULTS} has no curve of {cost}. Run `make bench`.")
    (first, low), (last, high) = points[-2:]
    return Line((first, last), (low, high))


def by_size(measured: Mapping[str, float]) -> Iterator[str]:
    """What each number of accounts takes, as Markdown."""
    yield (
        "| accounts | one organization makes them in | a resync takes | etcd | operator | each API replica "
        "| operator's restart | a replica's start |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    a_day, each = 5_000 / creations(5_000).days, measured["account_in_etcd"]
    memory, replica = line(measured, "memory"), line(measured, "api_memory")
    restart, start = line(measured, "restart_seconds"), line(measured, "api_start")
    for size in SIZES:
        _, hours = resync_hours(size)
        kept = f"{size * each / 1000:,.0f} MB | {memory.at(size):,.0f} MB | {replica.at(size):,.0f} MiB"
        times = f"{restart.at(size):,.0f} s | {start.at(size):,.0f} s"
        yield f"| {size:,} | {size / a_day:.1f} days | {hours:.1f} h | {kept} | {times} |"


def by_duration() -> Iterator[str]:
    """How fast accounts are made, by how long AWS takes for one, as Markdown."""
    yield "| AWS takes for one | accounts a day | looks a second, of 2 | known after its end |"
    yield "| ---: | ---: | ---: | ---: |"
    for seconds in (3, 20, 60, 120, 300):
        made = creations(1_000, seconds=seconds)
        yield f"| {seconds} s | {1_000 / made.days:,.0f} | {made.looks_a_second:.2f} | {made.late:.2f} s |"


if __name__ == "__main__":
    if not RESULTS.exists():
        sys.exit(f"There is no {RESULTS}. Run `make bench`.")
    found = {each["key"]: each["value"] for each in json.loads(RESULTS.read_text())["figures"]}
    print("\n".join([*by_size(found), "", *by_duration()]))
