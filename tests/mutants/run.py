"""Runs tests on a mutant, in a process forked from one that has imported what is slow and is not ours."""

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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


def run(trials: Iterable[Trial], jobs: int) -> Iterator[Outcome]:
    """The outcomes as they come."""
    waiting, running = list(trials), list[_Child]()
    with tempfile.TemporaryDirectory() as scratch:
        while waiting or running:
            while waiting and len(running) < jobs:
                trial = waiting.pop(0)
                if trial.next:
                    running.append(_started(trial, Path(tempfile.mkdtemp(dir=scratch))))
                else:
                    yield Outcome(trial.mutant, None, trial.seen_by)
            for child in list(running):
                if (ended := _ended(child)) is not None:
                    running.remove(child)
                    if ended.killed_by:
                        yield ended
                    else:
                        waiting.insert(0, replace(child.trial, seen_by=ended.tests))
            time.sleep(0.05)


def _started(trial: Trial, folder: Path) -> _Child:
    tests = trial.next
    (folder / "tests").write_text("\n".join(test for test, _ in tests))
    order = {"module": module_of(trial.mutant.path), "source": trial.mutant.source}
    (folder / "mutant").write_text(json.dumps(order))
    deadline = time.monotonic() + trial.patience * (90 + 5 * sum(seconds for _, seconds in tests))
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            files = list(dict.fromkeys(test.split("::")[0] for test, _ in tests))
            code = _run_tests(folder, files, TEST_SECONDS * trial.patience)
        finally:
            os._exit(code)
    return _Child(pid, trial, folder, deadline)


def _run_tests(folder: Path, files: list[str], seconds: int) -> int:
    os.setsid()
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each run compiles every test anew
    sys.dont_write_bytecode = False
    os.environ[hook.VARIABLE] = str(folder / "mutant")
    os.environ[chosen.VARIABLE] = str(folder / "tests")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH")]))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    hook.install()
    without = [f"-pno:{plugin}" for plugin in ("schemathesis", "cacheprovider")]
    return int(pytest.main(["-xq", "--tb=no", f"--timeout={seconds}", "-pmutants.chosen", *without, *files]))


def _ended(child: _Child) -> Outcome | None:
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    is_late = pid == 0 and time.monotonic() > child.deadline
    if pid == 0 and not is_late:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what its tests left behind too
    if is_late:
        os.waitpid(child.pid, 0)
        killed_by: str | None = "its deadline"
    else:
        output = (child.folder / "output").read_text(errors="replace")
        killed_by = _killed_by(os.waitstatus_to_exitcode(status), output)
        is_late = killed_by is not None and "from pytest-timeout" in output
    return Outcome(child.trial.mutant, killed_by, child.trial.seen_by + len(child.trial.next), is_late)


def _killed_by(code: int, output: str) -> str | None:
    """The test that failed, or the file that can't be imported.

    Raises:
        NotRunError: pytest itself failed, so the mutant was shown to nobody.
    """
    if code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        return None
    if named := re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE):
        return str(named[0])
    if code < 0 or "while loading conftest" in output:
        return "its imports" if code > 0 else f"signal {-code}"
    raise NotRunError(f"pytest ended with {code}:\n{output[-3000:]}")
