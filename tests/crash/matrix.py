"""Runs every fault at every point of every life, and says of each what came of it."""

import asyncio
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from crash.all_lives import LIVES
from crash.lane import Lane
from crash.life import Life
from crash.lives import at_rest, create, create_for_customer, delete, gone
from crash.points import FAULTS, Fault, Point, armed, points_since
from crash.pool import delete_member, delete_pool, resize

_MEANWHILE = {"delete": delete, "delete member": delete_member, "delete pool": delete_pool, "resize": resize}
_ENDS = ("delete", "delete pool")
"""After these what the life is of is gone."""

OK, FAILED, NOT_MET, NOT_MEANT = "ok", "FAILED", "not met", "-"


@dataclass(frozen=True)
class Cell:
    """One fault at one point of one life."""

    life: Life
    point: Point
    fault: Fault


@dataclass
class Matrix:
    """What came of each cell, and why where it is red."""

    points: dict[str, list[Point]] = field(default_factory=dict)
    verdicts: dict[tuple[str, Point, str], str] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Red cells."""
        return sum(verdict == FAILED for verdict in self.verdicts.values())

    def cells(self) -> Iterator[Cell]:
        """All there are, life by life."""
        for life in LIVES:
            for point in self.points.get(life.name, []):
                yield from (Cell(life, point, fault) for fault in (*FAULTS, *life.more) if fault.strikes(point))


async def discover(lane: Lane, names: Collection[str] = ()) -> dict[str, list[Point]]:
    """Walks each life of those names, or of all where there is none, once, unharmed, with an operator that has just
    started.
    """
    found = {}
    for life in (each for each in LIVES if not names or each.name in names):
        name = f"clean-{life.name}"
        await prepare(lane, life, [name])
        await _stage(lane, life, name)
        lane.proxy.reset()
        since = (await lane.standin("health"))["calls"]
        before = await life.find(lane, name)
        await life.begin(lane, name)
        before = before or await life.find(lane, name)
        account = await lane.until(name, life.over, find=life.find) or before
        found[life.name] = life.meant(await points_since(lane, since))
        assert account is not None
        await life.check(lane, account)
    return found


async def _stage(lane: Lane, life: Life, name: str) -> None:
    """Prepares one cell; then there is an operator that has just started, unless the life begins with its start."""
    if life.before is not None:
        await life.before(lane, name)
    await (lane.kill() if life.starts else lane.restart())


async def prepare(lane: Lane, life: Life, names: list[str]) -> None:
    """Leads accounts to where the life begins, all at one time."""
    if not life.prepared:
        return
    if not lane.pid:
        await lane.start()
    first, *others = life.prepared
    for name in names:
        await (create_for_customer if life.has_customer else create)(lane, name, **first)
    await _all_at_rest(lane, names)
    for spec in others:
        for name in names:
            await lane.accounts.merge(lane.namespace, name, {"spec": spec})
        await _all_at_rest(lane, names)


async def _all_at_rest(lane: Lane, names: list[str]) -> None:
    for name in names:
        await lane.until(name, at_rest, seconds=60 + 3 * len(names))


async def run_cell(lane: Lane, cell: Cell, name: str) -> str:
    """The verdict on one cell.

    Raises:
        AssertionError, TimeoutError: with what is wrong.
    """
    life = cell.life
    is_deleted = cell.fault.meanwhile in _ENDS
    over = gone if is_deleted else life.over
    await _stage(lane, life, name)
    before = await life.find(lane, name)
    async with armed(lane, cell.point, cell.fault) as trap:
        await life.begin(lane, name)
        before = before or await life.find(lane, name)
        struck = asyncio.ensure_future(trap.struck())
        ended = asyncio.ensure_future(lane.until(name, life.over, find=life.find))
        await asyncio.wait({struck, ended}, return_when=asyncio.FIRST_COMPLETED)
        met = struck.done()
        struck.cancel()
        if met and cell.fault.kills:
            ended.cancel()
            await lane.kill()
            await trap.drop()
        elif met and cell.fault.meanwhile is not None:
            ended.cancel()
            await _MEANWHILE[cell.fault.meanwhile](lane, name)
            await trap.release()
    if not met:
        await ended
        return NOT_MET
    if cell.fault.kills:
        await lane.start()
    after = await lane.until(name, over, find=life.find)
    account = after or before
    assert account is not None
    check = life.let_go if is_deleted else life.check
    assert check is not None, "a life that can be deleted says what must be true then"
    await check(lane, account)
    return OK


async def run_lane(lane: Lane, matrix: Matrix, cells: list[Cell]) -> None:
    """Runs its share of the cells, one after another."""
    for life in LIVES:
        ours = [(cell, f"{life.name}-{number}") for number, cell in enumerate(cells) if cell.life is life]
        await prepare(lane, life, [name for _, name in ours])
        for cell, name in ours:
            key = (life.name, cell.point, cell.fault.name)
            try:
                matrix.verdicts[key] = await run_cell(lane, cell, name)
                if matrix.verdicts[key] == NOT_MET:
                    # Some calls and writes come or don't come by the clock: once more, with another account.
                    await prepare(lane, life, [again := f"{name}-again"])
                    matrix.verdicts[key] = await run_cell(lane, cell, again)
            except (AssertionError, TimeoutError) as error:
                matrix.verdicts[key] = FAILED
                matrix.stories.append(f"{life.name}, {cell.point}, {cell.fault.name}: {error}")
            except Exception:  # one broken cell must not end the others
                matrix.verdicts[key] = FAILED
                matrix.stories.append(f"{life.name}, {cell.point}, {cell.fault.name}:\n{traceback.format_exc()}")
            print(
                f"  {lane.namespace}: {life.name:<12} {cell.point!s:<55} {cell.fault.name:<14} {matrix.verdicts[key]}",
                flush=True,
            )
