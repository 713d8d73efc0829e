"""`make crash`: kills, lost answers and lost requests at every write and every AWS call of an account's whole life.

Real parts: kube-apiserver, etcd, and operator processes that are killed with SIGKILL. CRASH_SAMPLE=n runs every n-th
cell only, CRASH_LIVES=names (with commas) those lives alone, CRASH_ONLY=text the cells whose name has it, CRASH_LANES
says how many lanes run side by side.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path

from crash.matrix import Matrix, discover, run_lane
from crash.report import counts, lines
from crash.world import open_world

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


async def run(sample: int, lives: Collection[str], only: str, how_many: int, folder: Path) -> Matrix:
    """The whole matrix, or every `sample`-th cell of those that are meant."""
    matrix = Matrix()
    async with AsyncExitStack() as stack:
        lanes = (await open_world(stack, folder, how_many)).lanes
        matrix.points = await discover(lanes[0], lives)
        cells = [cell for cell in matrix.cells() if only in f"{cell.life.name} {cell.point} {cell.fault.name}"][
            ::sample
        ]
        print(f"{sum(map(len, matrix.points.values()))} points, {len(cells)} cells to run", flush=True)
        async with asyncio.TaskGroup() as group:
            for number, lane in enumerate(lanes):
                group.create_task(run_lane(lane, matrix, cells[number :: len(lanes)]))
    return matrix


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
