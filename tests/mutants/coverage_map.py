"""Which tests run which lines, measured once and kept: a mutant is then shown only to tests that can see it."""

import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coverage import CoverageData
from mutants import timings

ROOTS = {
    "batteries_operator": "operator/batteries_operator",
    "batteries_apiserver": "apiserver/batteries_apiserver",
    "batteries_crds": "crds/batteries_crds",
}
OF_TABLES = "tests/unit/tools/test_generated_files.py"
_TOLD = ["-q", "-p", "no:schemathesis", "-p", "mutants.timings", "--cov-context=test", "--cov-report="]


@dataclass
class TestFile:
    """What a run of one file of tests showed."""

    __test__ = False

    digest: str
    """Of the file, which is measured again when it has changed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By test; without those that failed."""
    sources: dict[str, str] = field(default_factory=dict)
    """By module that it ran: the digest of its source at the time."""
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By module and line: the tests that ran it, their fixtures included."""


class CoverageMap:
    """What the files of a folder of tests showed, each when it was measured last."""

    def __init__(self, root: Path, files: dict[str, TestFile]) -> None:
        self._root = root
        self._files = files
        self._texts = {name: (root / name).read_text() for name in files}
        self.seconds = {test: taken for file in files.values() for test, taken in file.seconds.items()}

    def of(self, path: Path, first: int, last: int) -> list[str]:
        """The tests that can see a change of these lines: first those of a file of the module's name, then those in a
        folder of its name, and of these the quickest test of each file, then the next of each.

        A line that runs at import is seen by whoever runs any line of the module, or else of a module that imports it,
        by each file of tests that imports it, and by the test of the files that are generated from tables and models.
        So is a module that a test runs in another process, which the measurement does not follow.
        """
        module, seen, found = module_of(path), set[str](), set[str]()
        now = _digest(path)
        for file in self._files.values():
            lines = file.lines.get(module, {})
            if file.sources.get(module) == now:
                seen.update(*(lines.get(str(line), ()) for line in range(first, last + 1)))
            else:  # the module has changed since, and which lines are which is not known
                found.update(*lines.values())
        found |= seen
        if not seen:
            found |= self._of_module(module) or self._of_importers(module)
            found.update(*(file.seconds for name, file in self._files.items() if _imports(self._texts[name], module)))
            found.update(*(file.seconds for name, file in self._files.items() if name == OF_TABLES))
        quickest = sorted(found & self.seconds.keys(), key=lambda test: (self.seconds[test], test))
        taken = Counter[str]()
        order: dict[str, tuple[int, int, float]] = {}
        for test in quickest:
            name = test.split("::")[0]
            distance = _distance(test, path)
            order[test] = distance, taken[name] if distance else 0, self.seconds[test]
            taken[name] += 1
        return sorted(quickest, key=lambda test: order[test])

    def _of_module(self, module: str) -> set[str]:
        return {
            test for file in self._files.values() for tests in file.lines.get(module, {}).values() for test in tests
        }

    def _of_importers(self, module: str) -> set[str]:
        sources = (path for package in ROOTS.values() for path in (self._root / package).rglob("*.py"))
        importers = [module_of(path) for path in sources if _imports(path.read_text(), module)]
        return set[str]().union(*map(self._of_module, importers))


def module_of(path: Path) -> str:
    """The dotted name of a module of ours."""
    room = [at for at, part in enumerate(path.parts) if part.startswith("batteries_")][-1]
    return ".".join((*path.parts[room:-1], path.stem)).removesuffix(".__init__")


def current(
    root: Path, kept: Path, folder: str, arguments: list[str], packages: Iterable[str], *, again: bool = False
) -> CoverageMap:
    """The map of those tests of a folder that can see the packages; measures the files that are new or have changed
    since it was kept. Each part of the folder is kept as soon as it is measured, so that what is stopped goes on.
    """
    files = sorted(str(path.relative_to(root)) for path in (root / "tests" / folder).rglob("test_*.py"))
    files = [name for name in files if _can_see(name, packages)]
    known = {} if again else {name: found for name in files if (found := _known(root, kept, name)) is not None}
    for part, new in itertools.groupby((name for name in files if name not in known), key=_part):
        chosen = list(new)
        print(f"Measuring which lines {len(chosen)} files of {part} run; this is kept in {kept}.", flush=True)
        for name, found in _measured(root, chosen, arguments).items():
            known[name] = found
            _kept_in(kept, name).parent.mkdir(parents=True, exist_ok=True)
            _kept_in(kept, name).write_text(json.dumps(asdict(found)))
    return CoverageMap(root, known)


def _part(name: str) -> str:
    """`tests/unit/crds`; the folder itself for a file in it."""
    return "/".join(name.split("/")[:-1][:3])


def _can_see(name: str, packages: Iterable[str]) -> bool:
    """The two programs never import each other, so the unit tests of one see nothing of the other."""
    blind = {
        "tests/unit/operator": {"batteries_apiserver"},
        "tests/unit/apiserver": {"batteries_operator"},
        "tests/unit/sandbox": {"batteries_apiserver"},
    }
    return not set(packages) <= blind.get(_part(name), set())


def _known(root: Path, kept: Path, name: str) -> TestFile | None:
    path = _kept_in(kept, name)
    if not path.exists():
        return None
    found = TestFile(**json.loads(path.read_text()))
    return found if found.digest == _digest(root / name) else None


def _kept_in(kept: Path, name: str) -> Path:
    return kept / f"{name.replace('/', '.')}.json"


def _measured(root: Path, names: list[str], arguments: list[str]) -> dict[str, TestFile]:
    with tempfile.TemporaryDirectory() as scratch:
        data, times = Path(scratch, "coverage"), Path(scratch, "times")
        packages = [f"--cov={package}" for package in ROOTS]
        command = [sys.executable, "-m", "pytest", *_TOLD, *packages, *arguments, *names]
        environment = {timings.VARIABLE: str(times), "COVERAGE_FILE": str(data), "COVERAGE_CORE": "ctrace"}
        output = Path(scratch, "output")
        with output.open("w") as told:
            subprocess.run(command, cwd=root, env=os.environ | environment, check=False, stdout=told, stderr=told)
        if not (data.exists() and times.exists()):
            raise SystemExit(f"The tests could not be measured:\n{output.read_text()[-2000:]}")
        return split(root, names, data, times)


def split(root: Path, names: Iterable[str], data: Path, times: Path) -> dict[str, TestFile]:
    """One measurement by file of tests."""
    found = {name: TestFile(_digest(root / name)) for name in names}
    ran = json.loads(times.read_text())
    for test, seconds in ran["seconds"].items():
        if test not in ran["failed"]:
            found[test.split("::")[0]].seconds[test] = round(seconds, 3)
    read = CoverageData(str(data))
    read.read()
    for source in map(Path, read.measured_files()):
        module, digest = module_of(source), _digest(source)
        for line, contexts in read.contexts_by_lineno(str(source)).items():
            by_file = defaultdict(set)
            for context in filter(None, contexts):
                test = context.rpartition("|")[0]
                by_file[test.split("::")[0]].add(test)
            for name, tests in by_file.items():
                found[name].sources[module] = digest
                found[name].lines.setdefault(module, {})[str(line)] = sorted(tests)
    return found


def _distance(test: str, path: Path) -> int:
    """How far the names of a test's file and of a module are apart: 0 to 2."""
    file = Path(test.split("::")[0])
    if str(file) == OF_TABLES or path.stem in file.stem or file.stem.removeprefix("test_") in path.stem:
        return 0
    return 1 if file.parent.name == path.parent.name else 2


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _imports(text: str, module: str) -> bool:
    above, _, name = module.rpartition(".")
    return f"{module} import" in text or f"from {above} import {name}" in text or f"import {module}" in text
