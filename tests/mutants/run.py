"""Runs tests on a mutant, in a process forked from one that has imported what is slow."""

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from mutants import chosen, hook
from mutants.coverage_map import module_of
from mutants.kinds import Mutant

SLOW_TO_IMPORT = (
    *("boto3", "moto.server", "moto.organizations.models", "kopf", "aiohttp.test_utils", "kubernetes.aio.client"),
    *("stripe", "pydantic_settings", "structlog", "trustme", "prometheus_client", "jwt", "pytest_aiohttp"),
)
SITE = Path(__file__).parent / "site"
TEST_SECONDS = 60
FIRST = 12
WITHOUT = ("-pno:schemathesis", "-pno:cacheprovider")


class NotRunError(Exception):
    """pytest could not run its tests."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that killed it, or None."""

    mutant: Mutant
    killed_by: str | None
    tests: int
    """Tests that were shown it."""
    is_late: bool = False
    """It was killed by the clock alone, which says little on a busy machine."""


@dataclass(frozen=True)
class Verdict:
    """What the process of a mutant leaves behind."""

    killed_by: str | None
    is_late: bool = False


@dataclass(frozen=True)
class Trial:
    """A mutant and the tests to run on it, with their seconds."""

    mutant: Mutant
    tests: list[tuple[str, float]]
    seen_by: int = 0
    """So many have seen it already."""
    patience: int = 1
    """How many times as long as usual the tests may take."""

    @property
    def next(self) -> list[tuple[str, float]]:
        """A few at first: most mutants are killed by them, and the files of many tests take long to import."""
        return self.tests[:FIRST] if self.seen_by == 0 else self.tests[self.seen_by :]


def trial(mutant: Mutant, tests: Iterable[tuple[str, float]], longest: float) -> Trial:
    """With as many of the tests as take so many seconds, as they were measured."""
    found: list[tuple[str, float]] = []
    total = 0.0
    for test, seconds in tests:
        total += seconds
        if found and total > longest:
            break
        found.append((test, seconds))
    return Trial(mutant, found)


def warm_up() -> None:
    """Imports what no mutant changes."""
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)


@dataclass(frozen=True)
class _Child:
    pid: int
    trial: Trial
    folder: Path
    deadline: float


def run(trials: Iterable[Trial], jobs: int, show: Callable[[Trial, Path], Verdict] | None = None) -> Iterator[Outcome]:
    """The outcomes as they come. `show` runs a trial's next tests, in a process of its own with a folder of its own."""
    waiting, running = list(trials), list[_Child]()
    with tempfile.TemporaryDirectory() as scratch:
        while waiting or running:
            while waiting and len(running) < jobs:
                trial = waiting.pop(0)
                if trial.next:
                    running.append(_started(trial, Path(tempfile.mkdtemp(dir=scratch)), show or show_anew))
                else:
                    yield Outcome(trial.mutant, None, trial.seen_by)
            for child in list(running):
                if (ended := _ended(child)) is not None:
                    running.remove(child)
                    if ended.killed_by:
                        yield ended
                    else:
                        waiting.insert(0, replace(child.trial, seen_by=ended.tests))
            time.sleep(0.02)


def _started(trial: Trial, folder: Path, show: Callable[[Trial, Path], Verdict]) -> _Child:
    deadline = time.monotonic() + trial.patience * (90 + 5 * sum(seconds for _, seconds in trial.next))
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            _enter(trial.mutant, folder)
            verdict = show(trial, folder)
            (folder / "verdict").write_text(json.dumps(asdict(verdict)))
            code = 0
        except BaseException:
            (folder / "output").write_text(traceback.format_exc())
        finally:
            os._exit(code)
    return _Child(pid, trial, folder, deadline)


def _enter(mutant: Mutant, folder: Path) -> None:
    """Makes a process that of a mutant, and has the programs that it starts import the mutant."""
    os.setsid()
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    (folder / "mutant").write_text(json.dumps({"module": module_of(mutant.path), "source": mutant.source}))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each run compiles every test anew
    sys.dont_write_bytecode = False
    os.environ[hook.VARIABLE] = str(folder / "mutant")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH")]))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def show_anew(trial: Trial, folder: Path) -> Verdict:
    """Imports the mutant in the place of the checkout's module, and has pytest collect and run the tests."""
    tests = [test for test, _ in trial.next]
    (folder / "tests").write_text("\n".join(tests))
    os.environ[chosen.VARIABLE] = str(folder / "tests")
    hook.install()
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    seconds = TEST_SECONDS * trial.patience
    code = pytest.main(["-xq", "--tb=no", f"--timeout={seconds}", "-pmutants.chosen", *WITHOUT, *files])
    output = (folder / "output").read_text(errors="replace")
    killed_by = _killed_by(code, output)
    return Verdict(killed_by, killed_by is not None and "from pytest-timeout" in output)


def _ended(child: _Child) -> Outcome | None:
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    is_late = pid == 0 and time.monotonic() > child.deadline
    if pid == 0 and not is_late:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what its tests left behind too
    if is_late:
        os.waitpid(child.pid, 0)
        verdict = Verdict("its deadline", is_late=True)
    else:
        verdict = _verdict(child.folder, os.waitstatus_to_exitcode(status))
    tests = child.trial.seen_by + len(child.trial.next)
    return Outcome(child.trial.mutant, verdict.killed_by, tests, verdict.is_late)


def _verdict(folder: Path, code: int) -> Verdict:
    if code < 0:
        return Verdict(f"signal {-code}")
    if not (folder / "verdict").exists():
        raise NotRunError(f"The tests of a mutant ended with {code}:\n{(folder / 'output').read_text()[-3000:]}")
    return Verdict(**json.loads((folder / "verdict").read_text()))


def _killed_by(code: int, output: str) -> str | None:
    """The test that failed, or the file that can't be imported.

    Raises:
        NotRunError: pytest itself failed, so the mutant was shown to nobody.
    """
    if code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        return None
    if named := re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE):
        return str(named[0])
    if "while loading conftest" in output:
        return "its imports"
    raise NotRunError(f"pytest ended with {code}:\n{output[-3000:]}")
