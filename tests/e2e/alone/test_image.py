"""What goes into the image: the wheel alone in a clean environment, as nobody's folder, on a read-only place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from batteries_sandbox.components import clean_environment
from batteries_sandbox.paths import CHECKOUT

PROGRAMS = {"batteries-operator": ("run", "bootstrap", "doctor"), "batteries-apiserver": ("run", "admin-key")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what the lock says, and nothing else."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.fail("uv was not found. Run the tests by `make test`, which provides it.", pytrace=False)
    folder = tmp_path_factory.mktemp("image") / "venv"
    # The Containerfile's own command.
    command = [uv, "sync", "--frozen", "--quiet", "--no-dev", "--no-editable", f"--python={sys.executable}"]
    environment = {**clean_environment(), "UV_PROJECT_ENVIRONMENT": str(folder)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


@pytest.mark.parametrize(("program", "commands"), PROGRAMS.items())
def test_each_program_starts_from_a_folder_that_is_read_only(
    installed: Path, tmp_path: Path, program: str, commands: tuple[str, ...]
) -> None:
    here = tmp_path / "root"
    here.mkdir(mode=0o555)
    # No HOME and no checkout: nothing may be read from or written to either.
    environment = {"PATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"}
    done = subprocess.run(
        [str(installed / program), "--help"], cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in commands:
        assert command in done.stdout
    assert not list(here.iterdir())


def test_the_image_holds_neither_the_sandbox_nor_the_tests_tools(installed: Path) -> None:
    modules = ("batteries_sandbox", "moto", "pytest", "uv")
    find = f"import importlib.util as u; print([m for m in {modules!r} if u.find_spec(m)])"
    done = subprocess.run(
        [str(installed / "python"), "-I", "-c", find], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.strip() == "[]"


def test_the_containerfile_has_two_stages_and_ends_as_an_unprivileged_user() -> None:
    lines = (CHECKOUT / "Containerfile").read_text().splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2
    last = lines[stages[1] :]
    assert [line for line in last if line.startswith("USER ")] == ["USER 65532:65532"]
    assert not [line for line in last if line.startswith("RUN ")], "nothing is installed in what is shipped"
