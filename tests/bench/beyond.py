"""What breaks first on the way to 100,000 accounts, worked out where it can't be run.

`python -m bench.beyond ETCD_KB OPERATOR_KB API_KB` takes what one account weighs in each of the three.

AWS's side is simulated with the numbers that it publishes and the operator's own spacing of looks: a token bucket for
CreateAccount, five places, and creations that take their varying time. What a resync asks is set against AWS's rates,
and sizes are multiplied from what `make bench` measured.
"""

import heapq
import json
import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batteries_operator.expected import REMEMBERED
from batteries_operator.pace import until_next_look
from batteries_operator.under_way import BETWEEN_DESCRIPTIONS, LONGEST
from batteries_operator.under_way import SHARE as LOOK_SHARE
from batteries_sandbox.places import CHECKOUT

SIZES = (1_000, 10_000, 30_000, 100_000)
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
            again = self.now + until_next_look(self.now - made, BETWEEN_DESCRIPTIONS, LONGEST, LOOK_SHARE)
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


def by_size(etcd_kb: float, operator_kb: float, api_kb: float) -> Iterator[str]:
    """How each limit grows, as Markdown; kilobytes of one account where each program keeps it."""
    yield "| accounts | one organization makes them in | a resync takes | etcd | operator | each API replica |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    a_day = 5_000 / creations(5_000).days
    for size in SIZES:
        call, hours = resync_hours(size)
        kept = " | ".join(f"{size * kb / 1024:,.0f} MB" for kb in (etcd_kb, operator_kb, api_kb))
        yield f"| {size:,} | {size / a_day:.1f} days | {hours:.1f} h ({call}) | {kept} |"


def by_duration() -> Iterator[str]:
    """How fast accounts are made, by how long AWS takes for one, as Markdown."""
    yield "| AWS takes for one | accounts a day | looks a second, of 2 | known after its end |"
    yield "| ---: | ---: | ---: | ---: |"
    for seconds in (3, 20, 60, 120, 300):
        made = creations(1_000, seconds=seconds)
        yield f"| {seconds} s | {1_000 / made.days:,.0f} | {made.looks_a_second:.2f} | {made.late:.2f} s |"


def measured(path: Path) -> dict[str, float]:
    """The figures of the last `make bench`, by key."""
    return {each["key"]: each["value"] for each in json.loads(path.read_text())["figures"]}


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 4:
        sys.exit("Give the KB of an account in etcd, in the operator and in the API server, as measured.")
    sizes = [float(each) for each in sys.argv[1:]]
    print("\n".join([*by_size(*sizes), "", *by_duration()]))
