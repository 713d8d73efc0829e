"""`make mutants`: how many small faults the tests see. CONTRIBUTING.md says how to read what this prints."""

import argparse
import collections
import difflib
import os
import random
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mutants.collected import run_collected
from mutants.coverage_map import ROOTS, CoverageMap, current
from mutants.kinds import Mutant
from mutants.run import Outcome, Trial, run, trial, warm_up
from mutants.sample import sample

Way = Callable[[list[Trial], int], Iterator[Outcome]]

ROOT = Path(__file__).parents[2]
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-batteries-included/mutants"
PATIENCE = 5
"""How many times as long as usual a mutant gets that was killed by the clock."""
EQUIVALENT = Path(__file__).parent / "equivalent.toml"


def main() -> int:
    """Samples, runs, prints."""
    asked = _arguments()
    packages = [asked.package] if asked.package else list(ROOTS)
    unit = _map("unit", "worksteal", packages, asked)
    if asked.measure:
        if asked.integration:
            _map("integration", "loadscope", packages, asked)
        return 0
    mutants = {package: sample(ROOT, package, asked.n // len(packages), asked.seed) for package in packages}
    if asked.only:
        mutants = {name: [each for each in some if asked.only in _where(each)] for name, some in mutants.items()}
    every = [each for some in mutants.values() for each in some]
    reasons = _equivalents()
    outcomes = {each: Outcome(each, None, 0) for each in every}
    tried = [each for each in every if _key(each) not in reasons]
    random.Random(asked.seed).shuffle(tried)  # noqa: S311  # a sample, not a secret
    warm_up()
    trials = [_trial(unit, each, asked.seconds) for each in tried]
    way: Way = run if asked.anew else run_collected
    _try(outcomes, trials, asked.jobs, "unit", way)
    _expect_silence(outcomes, trials, asked.jobs, way)
    if asked.integration:
        real = _map("integration", "loadscope", packages, asked)
        left = [each for each in tried if outcomes[each].killed_by is None]
        _try(outcomes, [_trial(real, each, asked.seconds) for each in left], 1, "integration", run)
    _tell(mutants, outcomes, reasons)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("--n", type=int, default=120, help="how many, the same number of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--package", choices=ROOTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of file:line: only these of the sample")
    parser.add_argument("--integration", action="store_true", help="show survivors to the integration tests")
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests, as measured, that one mutant is shown")
    parser.add_argument("--anew", action="store_true", help="start pytest for each mutant, as integration tests do")
    parser.add_argument("--measure", action="store_true", help="only measure again which lines each test runs")
    return parser.parse_args([argument for argument in sys.argv[1:] if argument])


def _map(folder: str, spread: str, packages: list[str], asked: argparse.Namespace) -> CoverageMap:
    workers = [f"-n{asked.jobs}", f"--dist={spread}"] if asked.jobs > 1 else []
    return current(ROOT, KEPT, folder, workers, packages, again=asked.measure)


def _trial(seen: CoverageMap, mutant: Mutant, longest: float) -> Trial:
    found = seen.of(mutant.path, mutant.line, mutant.last_line)
    return trial(mutant, ((test, seen.seconds[test]) for test in found), longest)


def _expect_silence(outcomes: dict[Mutant, Outcome], trials: list[Trial], jobs: int, way: Way) -> None:
    """Runs the tests that killed on the program as it is: where one fails, it says nothing of a mutant."""
    killers = {outcome.killed_by for outcome in outcomes.values()}
    unchanged = []
    for each in trials:
        tests = [found for found in each.tests if found[0] in killers]
        killers -= {test for test, _ in tests}
        unchanged.append(Trial(replace(each.mutant, source=each.mutant.path.read_text()), tests))
    for outcome in way(unchanged, jobs):
        if outcome.killed_by:
            raise SystemExit(f"{outcome.killed_by} fails without any mutant. Mend it, and start anew.")


def _try(outcomes: dict[Mutant, Outcome], trials: list[Trial], jobs: int, by: str, way: Way) -> None:
    """Who was killed by the clock is tried again, alone and with more time: on a busy machine much takes long."""
    for count, outcome in enumerate(way(trials, jobs), 1):
        outcomes[outcome.mutant] = outcome
        fate = f"killed by {outcome.killed_by}" if outcome.killed_by else "survived"
        late = ", late" if outcome.is_late else ""
        print(f"[{by} {count}/{len(trials)}] {_where(outcome.mutant)} {outcome.mutant.kind}: {fate}{late}", flush=True)
    late_ones = [replace(each, patience=PATIENCE) for each in trials if outcomes[each.mutant].is_late]
    if late_ones and late_ones[0].patience > trials[0].patience:
        _try(outcomes, late_ones, 1, f"{by}, alone", run)


def _where(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}"


def _diff(mutant: Mutant) -> list[str]:
    before, after = mutant.path.read_text().splitlines(), mutant.source.splitlines()
    lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    return [line for line in lines if not line.startswith("@@")]


def _key(mutant: Mutant) -> tuple[str, str, str]:
    """Names a mutant for as long as its lines stay as they are, wherever in the file they are."""
    lines = _diff(mutant)
    before, after = ([line[1:].strip() for line in lines if line[0] == sign] for sign in "-+")
    return str(mutant.path.relative_to(ROOT)), " ".join(before), " ".join(after)


def _equivalents() -> dict[tuple[str, str, str], str]:
    listed = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    return {(each["file"], each["before"], each["after"]): each["reason"] for each in listed}


def _tell(
    mutants: dict[str, list[Mutant]], outcomes: dict[Mutant, Outcome], reasons: dict[tuple[str, str, str], str]
) -> None:
    print("\nSurvivors")
    for mutant in (each for some in mutants.values() for each in some):
        outcome = outcomes[mutant]
        if outcome.killed_by is None and _key(mutant) not in reasons:
            print(f"\n{_where(mutant)} {mutant.kind} ({outcome.tests} tests were shown it)")
            print("\n".join(f"  {line}" for line in _diff(mutant)))
    print("\n| package | mutants | killed | survived | equivalent | killed of those that can be |")
    print("| --- | --- | --- | --- | --- | --- |")
    for package, some in mutants.items():
        fates = collections.Counter(
            "equivalent" if _key(each) in reasons else "killed" if outcomes[each].killed_by else "survived"
            for each in some
        )
        share = fates["killed"] / (len(some) - fates["equivalent"] or 1)
        counts = " | ".join(str(fates[fate]) for fate in ("killed", "survived", "equivalent"))
        print(f"| {package} | {len(some)} | {counts} | {share:.0%} |")


if __name__ == "__main__":
    sys.exit(main())
