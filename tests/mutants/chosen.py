"""A plugin of pytest that runs only the tests of a list, in its order (`-p mutants.chosen`).

Tests are not named on the command line, because a changed table may give a test another name, and pytest then fails
before it has run any.
"""

import os
from pathlib import Path

import pytest

VARIABLE = "MUTANTS_CHOSEN"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest's own hook."""
    if path := os.environ.get(VARIABLE):
        order = {nodeid: at for at, nodeid in enumerate(Path(path).read_text().splitlines())}
        items[:] = sorted((each for each in items if each.nodeid in order), key=lambda each: order[each.nodeid])
