"""`make crash`: kills, lost answers and lost requests at every write and every AWS call of an account's whole life.

Real parts: kube-apiserver, etcd, and operator processes that are killed with SIGKILL. CRASH_SAMPLE=n runs every n-th
cell of each life only, CRASH_LIVES=names (with commas) those lives alone, CRASH_ONLY=text the cells whose name has it,
CRASH_LANES says how many lanes run side by side.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from crash.all_lives import LIVES
from crash.lane import Lane
from crash.matrix import Cell, Matrix, discover, run_lane
from crash.report import counts, lines
from crash.world import World, open_world

from batteries_sandbox.paths import CHECKOUT

PAGE = CHECKOUT / "docs" / "crash-matrix.md"
HEAD = """# The crash matrix

Written by `make crash`. Each row is an AWS call or a write to Kubernetes that the operator makes in an account's life
(provisioning, suspension, resume, unpaid, expiry, extension, leaving, grace, profile, deletion; claim and rivals are of
accounts that come from a pool; preparation, refresh, disposal and retention are of a pool's member that nobody takes:
it is made ready, brought up to date, closed, and kept in AWS without its object). Each column is something that goes
wrong at that point, with real processes and SIGKILL. Afterwards the account must match its spec, AWS must have exactly
one of everything, and the password in the Secret must be the one that works.

"""


PART = 50
"""So many cells a lane has: an operator that starts reads every account that its lane had before, so each cell is
slower than the last. With 300 accounts in a lane half as many cells were run in a minute.
"""


async def run(sample: int, lives: Collection[str], only: str, how_many: int, folder: Path) -> Matrix:
    """The whole matrix, or every `sample`-th cell of those that are meant."""
    matrix = Matrix()
    async with AsyncExitStack() as stack:
        world = await open_world(stack, folder, 0)
        for life in (each.name for each in LIVES if not lives or each.name in lives):
            async with _lanes(world, 1) as (lane,):
                matrix.points |= await discover(lane, [life])
            cells = [
                cell
                for cell in matrix.cells()
                if cell.life.name == life and only in f"{life} {cell.point} {cell.fault.name}"
            ][::sample]
            print(f"{life}: {len(matrix.points[life])} points, {len(cells)} cells to run", flush=True)
            for first in range(0, len(cells), PART * how_many):
                await _run_part(world, matrix, cells[first : first + PART * how_many], how_many)
    return matrix


async def _run_part(world: World, matrix: Matrix, cells: list[Cell], how_many: int) -> None:
    async with _lanes(world, how_many) as lanes, asyncio.TaskGroup() as group:
        for number, lane in enumerate(lanes):
            group.create_task(run_lane(lane, matrix, cells[number::how_many]))


@asynccontextmanager
async def _lanes(world: World, how_many: int) -> AsyncIterator[list[Lane]]:
    """So many new ones, ended with the block."""
    async with AsyncExitStack() as stack:
        yield [await world.open_lane(stack) for _ in range(how_many)]


def main() -> int:
    """0 where every cell is green."""
    sample, how_many = int(os.environ.get("CRASH_SAMPLE", "1")), int(os.environ.get("CRASH_LANES", "2"))
    lives = [name for name in os.environ.get("CRASH_LIVES", "").split(",") if name]
    only, started = os.environ.get("CRASH_ONLY", ""), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        matrix = asyncio.run(run(sample, lives, only, how_many, Path(folder)))
    table = "\n".join(lines(matrix))
    print(table)
    for story in matrix.stories:
        print(f"\n{story}")
    print(f"\n{counts(matrix)}, in {time.monotonic() - started:.0f} s")
    if not lives and len(matrix.verdicts) == len(list(matrix.cells())) and not matrix.failed:
        PAGE.write_text(f"{HEAD}**{counts(matrix)}**\n{table}\n")
    return 1 if matrix.failed else 0


if __name__ == "__main__":
    sys.exit(main())
