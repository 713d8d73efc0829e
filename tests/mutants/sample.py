"""A seeded sample of mutants: as many of each package, each mutable place of it as likely as any other."""

import random
from dataclasses import dataclass
from pathlib import Path

from mutants.coverage_map import ROOTS
from mutants.kinds import Change, Mutant, mutant, places

GENERATORS = {"generate.py"}
"""Not sampled: `make check-generated` is their test."""


@dataclass(frozen=True)
class _Place:
    path: Path
    source: str
    changes: list[Change]


def sample(root: Path, package: str, count: int, seed: int) -> list[Mutant]:
    """A choice that depends on the seed, the package and its source only; fewer where it has fewer."""
    chosen = random.Random(f"{seed} {package}")  # noqa: S311  # a sample, not a secret
    every = _places(root / ROOTS[package])
    chosen.shuffle(every)
    found: list[Mutant] = []
    for place in every:
        if len(found) == count:
            break
        made = mutant(place.path, place.source, chosen.choice(place.changes))
        if made is not None:
            found.append(made)
    return found


def _places(folder: Path) -> list[_Place]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        if path.name not in GENERATORS:
            source = path.read_text()
            found += [_Place(path, source, changes) for changes in places(source)]
    return found
