"""`make bench`: measures how fast this is, each figure beside a limit that is measured in the same run.

QUICK=1 measures less of everything, ONLY=name,name these parts alone, PEERS=1 other people's programs too, and
DOCS=1 writes the table into docs/performance.md. `python -m bench docs` writes it from the last run's results.
"""

import asyncio
import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bench
from bench import report
from bench.figure import Figure
from bench.ground import Ground
from bench.part import FULL, QUICK, Part, Scale

from batteries_crds.base import to_rfc3339, utc_now
from batteries_sandbox.paths import CHECKOUT

FOLDER = CHECKOUT / "dist" / "bench"


def parts() -> list[Part]:
    """Every part that a module here lists, by module name."""
    names = sorted(each.name for each in pkgutil.iter_modules(bench.__path__) if each.name != "__main__")
    modules = [importlib.import_module(f"bench.{name}") for name in names]
    return [part for module in modules for part in getattr(module, "PARTS", ())]


def chosen(only: str) -> list[Part]:
    """Those that ONLY names, or all.

    Raises:
        SystemExit: it names none that there is.
    """
    every = parts()
    names = {each.strip() for each in only.split(",") if each.strip()}
    unknown = names - {part.name for part in every}
    if unknown:
        sys.exit(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(part.name for part in every)}.")
    return [part for part in every if not names or part.name in names]


async def run(some: Sequence[Part], scale: Scale) -> list[Figure]:
    """One part after another, so that none is measured beside another."""
    figures: list[Figure] = []
    async with Ground.open(shared=scale.one_plane) as ground:
        for part in some:
            began = time.monotonic()
            print(f"{part.name} …", flush=True)
            found = await part.measure(scale, ground)
            figures += found
            print(f"{report.table([each.to_json() for each in found])}\n{time.monotonic() - began:.0f} s\n", flush=True)
    return figures


def given(name: str) -> str:
    """What the environment gives; DOCS=0 does not ask for the table in docs/."""
    value = os.environ.get(name, "")
    return "" if value.lower() in ("0", "no", "off", "false") else value


def main() -> int:
    """0 where every goal is reached."""
    if sys.argv[1:] == ["docs"]:
        report.put_into(CHECKOUT, json.loads((FOLDER / "results.json").read_text()))
        return 0
    flags = {name: given(name) for name in ("QUICK", "PEERS", "ONLY", "DOCS")}
    if flags["DOCS"] and (flags["QUICK"] or flags["ONLY"]):
        sys.exit("DOCS=1 writes the whole table; leave QUICK and ONLY out.")
    scale = replace(QUICK if flags["QUICK"] else FULL, peers=bool(flags["PEERS"]))
    began, date = time.monotonic(), to_rfc3339(utc_now())
    figures = asyncio.run(run(chosen(flags["ONLY"]), scale))
    about = {
        "command": " ".join(["make bench", *(f"{name}={value}" for name, value in flags.items() if value)]),
        "date": date,
        "machine": report.machine(),
        "scale": scale.name,
        "seconds": f"{time.monotonic() - began:.0f}",
    }
    results = report.write(FOLDER, figures, about)
    print(report.table(results["figures"]))
    if flags["DOCS"]:
        report.put_into(CHECKOUT, results)
    missed = [each.key for each in figures if each.is_met is False]
    print(f"Wrote {FOLDER.relative_to(Path.cwd()) if FOLDER.is_relative_to(Path.cwd()) else FOLDER}/results.json.")
    print(f"Missed: {', '.join(missed)}." if missed else "Every goal is reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
