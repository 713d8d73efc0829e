"""Where a fault can strike, found out by watching one clean walk; and how each fault strikes there."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from crash.lane import Lane
from crash.proxy import Trap

AWS, WRITE = "aws", "write"
Meanwhile = Literal["delete", "delete member", "delete pool", "resize"]


@dataclass(frozen=True)
class Point:
    """The n-th call of an AWS operation, or the n-th write of a kind, within a life."""

    where: str
    what: str
    nth: int

    def __str__(self) -> str:
        return f"{self.what} #{self.nth}"


@dataclass(frozen=True)
class Fault:
    """One column. `kills`: the operator is killed there and another one started. `meanwhile`: what is done while it is
    held there.
    """

    name: str
    at_aws: str | None
    at_write: str | None
    kills: bool
    meanwhile: Meanwhile | None = None

    def strikes(self, point: Point) -> bool:
        """Whether it makes sense there."""
        return (self.at_aws if point.where == AWS else self.at_write) is not None


FAULTS = (
    Fault("killed before", "gate_before", "before", kills=True),
    Fault("killed after", "gate_after", "after", kills=True),
    Fault("answer lost", "answer_lost", "lost", kills=False),
    Fault("request lost", "request_lost", None, kills=False),
)
DELETED = Fault("deleted there", "gate_before", "before", kills=False, meanwhile="delete")
"""For an account that has just begun: the AwsAccount is deleted while its operator is about to do that."""

MEMBER_DELETED = Fault("member gone", "gate_before", "before", kills=False, meanwhile="delete member")
RESIZED = Fault("pool to 0", "gate_before", "before", kills=False, meanwhile="resize")
"""For one that claims: the pool's member is deleted, or its pool resized to 0, meanwhile."""

POOL_DELETED = Fault("pool deleted", "gate_before", "before", kills=False, meanwhile="delete pool")
"""For a pool that is filled: it is deleted meanwhile, and its member with it."""


async def points_since(lane: Lane, since: int) -> list[Point]:
    """The points of the walk that began after the call of that number, in their order."""
    calls = (await lane.standin(f"calls?since={since}"))["calls"]
    counts: Counter[str] = Counter()
    points = []
    for call in calls:
        what = f"{call['service']}:{call['operation']}"
        counts[what] += 1
        # How often AWS is asked whether something is done depends on the clock, so only the first time is a point.
        if counts[what] == 1 or not what.endswith("Status"):
            points.append(Point(AWS, what, counts[what]))
    return [*points, *(Point(WRITE, kind, nth) for kind, nth in lane.proxy.writes)]


class Armed:
    """A fault that is set: it can be waited for, and let go of."""

    def __init__(self, lane: Lane, fault_id: str | None, trap: Trap | None) -> None:
        self._lane = lane
        self._id = fault_id
        self._trap = trap

    async def struck(self) -> None:
        """Returns when it has."""
        if self._trap is not None:
            await self._trap.sprung.wait()
            return
        while True:
            shown = await self._lane.standin(f"faults/{self._id}?wait=5")
            if shown["waiting"] or shown["struck"]:
                return

    async def release(self) -> None:
        """What it holds goes on."""
        if self._trap is not None:
            self._trap.release.set()
        elif self._id is not None:
            await self._lane.standin(f"faults/{self._id}/release", {})

    async def drop(self) -> None:
        """What it holds before it is done is never done. A gate that is only taken away would let it go on."""
        if self._trap is not None:
            self._trap.dropped = True
            self._trap.release.set()
        elif self._id is not None:
            await self._lane.standin(f"faults/{self._id}/release", {"drop": True})


@asynccontextmanager
async def armed(lane: Lane, point: Point, fault: Fault) -> AsyncIterator[Armed]:
    """Sets the fault for the block."""
    if point.where == WRITE:
        assert fault.at_write is not None
        trap = Trap(point.what, point.nth, fault.at_write)
        lane.proxy.reset(trap)
        yield Armed(lane, None, trap)
        lane.proxy.reset()
        return
    lane.proxy.reset()
    service, operation = point.what.split(":")
    body = {"kind": fault.at_aws, "service": service, "operation": operation, "skip": point.nth - 1, "times": 1}
    made = await lane.standin("faults", body)
    yield Armed(lane, made["id"], None)
    await lane.standin("faults", method="DELETE")
