"""Measures the packages: `python -m batteries_tools.structure [--checkout FOLDER] [--named WORD …]`.

A unit is a module or a folder directly within a package. A floor holds units that may import the floors below; units
that import each other in a circle share a floor, and each import among them counts as upward. Another checkout, such as
a worktree of an older commit, is measured in the same way, because it is only read.
"""

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.paths import CHECKOUT

PACKAGES = ("batteries_crds", "batteries_operator", "batteries_apiserver", "batteries_sandbox", "batteries_tools")
_TEXTS = (".py", ".md", ".yaml", ".toml", ".json", ".tpl")
_SKIPPED = {".venv", ".git", ".sandbox", "fixtures", "dist"}

Graph = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class Structure:
    """The measurements of one package."""

    modules: int
    lines: int
    floors: list[list[str]]
    """The units of each floor, the lowest first."""
    imports: int
    """Imports against the order, from one unit to another, each pair once."""
    upward: list[tuple[str, str]]


def measure(folder: Path) -> Structure:
    """The structure of the package in `folder`."""
    files = {_name(folder, path): path for path in sorted(folder.rglob("*.py"))}
    graph: dict[str, set[str]] = {_unit(name): set() for name in files if name != folder.name}
    for name, path in files.items():
        for imported in _imported(path, files):
            graph.setdefault(_unit(name), set()).add(_unit(imported))
    graph.pop("", None)
    graph = {unit: others - {unit, ""} for unit, others in graph.items()}
    reached = {unit: _reached(graph, unit) for unit in graph}
    upward = sorted((unit, other) for unit in graph for other in graph[unit] if unit in reached[other])
    lines = sum(len(path.read_text().splitlines()) for path in files.values())
    return Structure(len(files), lines, _floors(graph, reached), sum(map(len, graph.values())), upward)


def naming(checkout: Path, word: str) -> list[Path]:
    """The files of the checkout that contain the word."""
    return sorted(
        path.relative_to(checkout)
        for path in checkout.rglob("*")
        if path.suffix in _TEXTS and not _SKIPPED.intersection(path.relative_to(checkout).parts) and path.is_file()
        if word in path.read_text(errors="replace")
    )


def _name(folder: Path, path: Path) -> str:
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _unit(module: str) -> str:
    """The module or folder directly within its package; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def _imported(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in modules or node.module in modules:
                    yield whole if whole in modules else node.module


def _reached(graph: Graph, start: str) -> set[str]:
    """Every unit that `start` imports, directly or through others."""
    found, left = set[str](), [start]
    while left:
        for other in graph.get(left.pop(), ()):
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def _floors(graph: Graph, reached: Graph) -> list[list[str]]:
    left, floors = set(graph), list[list[str]]()
    while left:
        # A unit belongs on this floor if everything that it imports is below, except units that import it themselves.
        floor = [unit for unit in left if all(other not in left or unit in reached[other] for other in reached[unit])]
        floors.append(sorted(floor))
        left.difference_update(floor)
    return floors


def _report(checkout: Path) -> Iterator[str]:
    for package in PACKAGES:
        for folder in checkout.glob(f"*/{package}"):
            found = measure(folder)
            yield (
                f"{package}: {found.modules} modules, {found.lines} lines; {sum(map(len, found.floors))} units on "
                f"{len(found.floors)} floors, {found.imports} imports between units, {len(found.upward)} upward"
            )
            for number, floor in reversed(list(enumerate(found.floors))):
                yield f"  {number:2} {' '.join(floor)}"


def main() -> int:
    """Prints each package's structure and, for each word, how many files name it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="the folder to measure (default: this one)")
    parser.add_argument("--named", nargs="*", default=[], help="words to search for; prints which files contain them")
    chosen = parser.parse_args()
    print("\n".join(_report(chosen.checkout)))
    for word in chosen.named:
        files = naming(chosen.checkout, word)
        print(f"{word}: {len(files)} files", *files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
