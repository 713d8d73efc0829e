"""`make storm`: many accounts at once in bad weather, and the count of what came of it.

200 accounts of 20 customers; every AWS call takes 100 ms longer, 20 % are throttled, of 5 % the answer is lost after
the work was done; the operator is killed with SIGKILL every 10 seconds. In the end all must be active, and AWS must
hold exactly as many. STORM_ACCOUNTS, STORM_THROTTLES, STORM_LOST, STORM_LATENCY and STORM_KILL change the weather.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.lane import Lane
from crash.lives import at_rest
from crash.world import open_world

from batteries_crds.aws_account import AwsAccount

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 1800
CALLS_A_LIFE = 15
"""So many calls of AWS an operator makes before it is killed: on a busy machine each would die before it has begun."""

CREATION_SECONDS = 0.5
"""Long enough for creations to be under way together."""


@dataclass(frozen=True)
class Weather:
    """What the accounts are made against; probabilities and seconds."""

    accounts: int = 200
    throttles: float = 0.20
    lost: float = 0.05
    latency: float = 0.1
    kill: float = 10.0

    @classmethod
    def from_environment(cls) -> "Weather":
        """As STORM_* say."""
        given = {name: os.environ.get(f"STORM_{name.upper()}") for name in cls.__dataclass_fields__}
        wanted: dict[str, Any] = {name: float(value) for name, value in given.items() if value is not None}
        return cls(**{**wanted, **({"accounts": int(wanted["accounts"])} if "accounts" in wanted else {})})

    async def break_out(self, lane: Lane) -> list[str]:
        """Sets the faults; their ids."""
        wildcard = {"service": "*", "operation": "*", "times": 10**9}
        faults = [
            {"kind": "latency", "seconds": self.latency, **wildcard},
            {"kind": "throttle", "probability": self.throttles, "seed": 1, **wildcard},
            {"kind": "answer_lost", "probability": self.lost, "seed": 2, **wildcard},
        ]
        return [(await lane.standin("faults", fault))["id"] for fault in faults]


@dataclass
class Outcome:
    """What came of it."""

    active: int
    accounts: int
    made: int
    most_at_once: int
    kills: int
    throttled: int
    lost: int
    seconds: float

    def is_right(self, weather: Weather) -> bool:
        """Exactly as many as were wished for, in AWS and in Kubernetes."""
        return self.active == self.accounts == self.made == weather.accounts and self.most_at_once <= 5

    def table(self) -> str:
        """For people."""
        rows = {
            "active": self.active,
            "AWS accounts with our tag": self.accounts,
            "creations that made one": self.made,
            "creations at one time, at most": self.most_at_once,
            "operators killed": self.kills,
            "calls throttled": self.throttled,
            "answers lost": self.lost,
            "seconds": round(self.seconds),
        }
        return "\n".join(f"  {name:<32} {value:>6}" for name, value in rows.items())


async def run(weather: Weather, lane: Lane) -> Outcome:
    """Makes the accounts and waits until all are active.

    Raises:
        TimeoutError: they are not, after half an hour.
    """
    started = time.monotonic()
    _, throttle, lost = await weather.break_out(lane)
    names = [f"storm-{number:03}" for number in range(weather.accounts)]
    await lane.start()
    for number, name in enumerate(names):
        spec = {"email": f"owner-{number % 20}@example.com", "githubRepos": [f"octo-org/repo-{number}"]}
        await lane.accounts.create(lane.namespace, {"metadata": {"name": name}, "spec": spec})
    await lane.standin("limits", {"creation_seconds": CREATION_SECONDS})
    kills, active, next_kill, enough = 0, 0, time.monotonic() + weather.kill, await _calls(lane) + CALLS_A_LIFE
    async with asyncio.timeout(PATIENCE_SECONDS):
        while active < weather.accounts:
            await asyncio.sleep(LOOK_SECONDS)
            active = sum([at_rest(account) for account in await _ours(lane, names)])
            due = time.monotonic() > next_kill and await _calls(lane) >= enough
            if due and active < weather.accounts:
                kills += 1
                await lane.restart()
                print(f"  {time.monotonic() - started:5.0f} s: {active} active, operator killed ({kills})", flush=True)
                next_kill, enough = time.monotonic() + weather.kill, await _calls(lane) + CALLS_A_LIFE
    struck = [(await lane.standin(f"faults/{each}"))["struck"] for each in (throttle, lost)]
    return await _counted(lane, names, kills, struck, time.monotonic() - started)


async def _calls(lane: Lane) -> int:
    """How many calls AWS had so far."""
    return int((await lane.standin("health"))["calls"])


async def _counted(lane: Lane, names: list[str], kills: int, struck: list[int], seconds: float) -> Outcome:
    await lane.standin("faults", method="DELETE")
    accounts = await _ours(lane, names)
    wished = {str(account.account_id) for account in accounts}
    members = (await lane.standin("accounts"))["accounts"]
    creations = await lane.standin("creations")
    ours = [each for each in members if wished & set(each["tags"].values())]
    assert {account.status.aws_account_id for account in accounts} == {each["id"] for each in ours}
    asked = [each for each in creations["creations"] if wished & set(each["tags"].values())]
    made = [each for each in asked if each["state"] == "SUCCEEDED"]
    active = sum(account.status.phase == "active" for account in accounts)
    throttled, lost = struck
    return Outcome(active, len(ours), len(made), creations["maxInProgress"], kills, throttled, lost, seconds)


async def _ours(lane: Lane, names: list[str]) -> list[AwsAccount]:
    wanted = set(names)
    return [each async for each in lane.accounts.all(lane.namespace) if each.metadata.name in wanted]


async def storm(weather: Weather, folder: Path) -> Outcome:
    """With a cluster and a stand-in of its own."""
    async with AsyncExitStack() as stack:
        (lane,) = (await open_world(stack, folder, 1)).lanes
        return await run(weather, lane)


def main() -> int:
    """0 where all are active and none is double."""
    weather = Weather.from_environment()
    print(weather, flush=True)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        outcome = asyncio.run(storm(weather, Path(folder)))
    print(outcome.table())
    right = outcome.is_right(weather)
    print("All active, and exactly as many in AWS." if right else "FAILED: AWS does not hold what was wished for.")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
