"""Runs tests on mutants in processes forked from one that has imported and collected every test, which takes a second
where a process that begins at nothing takes ten.

A mutant then takes the place of a function that is imported already (in_place.py). What can't be changed so late begins
anew: a module's tables, and functions that ran while the tests were imported.
"""

import gc
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

import pytest
from coverage import Coverage
from mutants.coverage_map import ROOTS
from mutants.in_place import NotInPlaceError, changed_function, living_functions, replace_code
from mutants.kinds import Mutant
from mutants.run import TEST_SECONDS, WITHOUT, Outcome, Trial, Verdict, run

ANEW = "anew"
"""Stands for the test that killed a mutant which could not be tried here."""


def run_collected(trials: list[Trial], jobs: int) -> Iterator[Outcome]:
    """The outcomes as they come; those of mutants that need a process of their own at the end."""
    here = [each for each in trials if each.tests and (not _is_changed(each.mutant) or changed_function(each.mutant))]
    anew = [each for each in trials if each not in here]
    for index, outcome in _told(here, jobs) if here else ():
        if outcome.killed_by == ANEW:
            anew.append(here[index])
        else:
            yield outcome
    yield from run(anew, jobs)


def _told(trials: list[Trial], jobs: int) -> Iterator[tuple[int, Outcome]]:
    """What the process with the tests says, line by line."""
    told, tell = os.pipe()
    with tempfile.TemporaryFile("w+") as output:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
            try:
                _serve(trials, jobs, tell)
            finally:
                os._exit(1)
        os.close(tell)
        heard = 0
        with os.fdopen(told) as lines:
            for line in lines:
                index, killed_by, tests, is_late = json.loads(line)
                heard += 1
                yield index, Outcome(trials[index].mutant, killed_by, tests, is_late)
        os.waitpid(pid, 0)
        if heard < len(trials):
            output.seek(0)
            raise SystemExit(f"The tests could not be collected:\n{output.read()[-3000:]}")


def _serve(trials: list[Trial], jobs: int, tell: int) -> None:
    files = dict.fromkeys(test.split("::")[0] for trial in trials for test, _ in trial.tests)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    imported = Coverage(data_file=None, config_file=False, source_pkgs=list(ROOTS))
    imported.start()
    pytest.main(
        ["-q", "--tb=short", f"--timeout={TEST_SECONDS}", *WITHOUT, *files], [_Trials(trials, jobs, tell, imported)]
    )


@dataclass(eq=False)  # for pytest puts plugins into sets
class _Trials:
    """A plugin of pytest: in the place of running all tests, forks for each mutant a process that runs its own."""

    trials: list[Trial]
    jobs: int
    tell: int
    imported: Coverage
    functions: list[FunctionType] = field(default_factory=list)
    ran: dict[str, frozenset[int]] = field(default_factory=dict)
    """By file: the lines that ran while the tests were imported."""
    failed: list[pytest.TestReport] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """pytest's own hook."""
        self.imported.stop()
        if session.testsfailed:
            return False  # pytest says which file can't be imported
        ran = self.imported.get_data()
        self.ran = {name: frozenset(ran.lines(name) or ()) for name in ran.measured_files()}  # it is empty after a fork
        self.functions = living_functions()
        gc.freeze()  # for collecting what the processes share would copy it for each
        indexes = {id(each.mutant): at for at, each in enumerate(self.trials)}
        for outcome in run(self.trials, self.jobs, lambda trial, folder: self._show(session, trial, folder)):
            line = indexes[id(outcome.mutant)], outcome.killed_by, outcome.tests, outcome.is_late
            os.write(self.tell, f"{json.dumps(line)}\n".encode())
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """pytest's own hook."""
        if report.failed:
            self.failed.append(report)

    def _show(self, session: pytest.Session, trial: Trial, _folder: Path) -> Verdict:
        try:
            if _is_changed(trial.mutant):
                self._enter(trial.mutant)
        except NotInPlaceError:
            return Verdict(ANEW)
        items = {item.nodeid: item for item in session.items}
        self._run([items[test] for test, _ in trial.next if test in items])
        if not self.failed:
            return Verdict(None)
        return Verdict(self.failed[0].nodeid, "from pytest-timeout" in self.failed[0].longreprtext)

    def _enter(self, mutant: Mutant) -> None:
        function = changed_function(mutant)
        assert function is not None
        if not self.ran.get(str(mutant.path), frozenset()).isdisjoint(function.lines):
            raise NotInPlaceError(f"{function.qualname} has run already.")
        replace_code(mutant, function, self.functions)

    def _run(self, items: list[pytest.Item]) -> None:
        """Until one fails."""
        for item, following in itertools.zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return


def _is_changed(mutant: Mutant) -> bool:
    return mutant.source != mutant.path.read_text()
