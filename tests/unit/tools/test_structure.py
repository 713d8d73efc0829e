"""The measure of the packages' structure, on a small package."""

from pathlib import Path

import pytest

from batteries_tools.structure import measure, naming


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    modules = {
        "__init__.py": "",
        "main.py": "from house.rooms import kitchen\nimport house.names\n",
        "names.py": "import os\n",
        "rooms/__init__.py": "",
        "rooms/kitchen.py": "from house.names import NAME\nfrom house.rooms.cellar import WINE\n",
        "rooms/cellar.py": "WINE = 1\n",
    }
    for name, text in modules.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_units_stand_above_what_they_import(package: Path) -> None:
    found = measure(package)
    assert found.floors == [["names"], ["rooms"], ["main"]]
    assert (found.modules, found.lines, found.imports, found.upward) == (6, 6, 3, [])


def test_a_circle_shares_a_floor_and_its_imports_are_upward(package: Path) -> None:
    (package / "names.py").write_text("from house.rooms.cellar import WINE\n")
    found = measure(package)
    assert found.floors == [["names", "rooms"], ["main"]]
    assert found.upward == [("names", "rooms"), ("rooms", "names")]


def test_files_that_name_a_word_are_found(package: Path) -> None:
    (package.parent / ".venv").mkdir()
    (package.parent / ".venv" / "other.py").write_text("WINE\n")
    assert naming(package.parent, "WINE") == [Path("house/rooms/cellar.py"), Path("house/rooms/kitchen.py")]
