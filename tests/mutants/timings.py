"""A plugin of pytest: writes which tests ran, how long each took, and which failed (`-p mutants.timings`)."""

import json
import os
from pathlib import Path

import pytest

VARIABLE = "MUTANTS_TIMINGS"
_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """pytest's own hook; with xdist it is called in the process that hands out the tests too."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """pytest's own hook."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ[VARIABLE]).write_text(json.dumps({"seconds": _seconds, "failed": sorted(_failed)}))
