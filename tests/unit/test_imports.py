"""The cost of a start: each process pays for everything that it imports, in time and in memory."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("program", ["batteries_operator.cli.main", "batteries_apiserver.main"])
def test_a_program_does_not_import_every_kind_of_kubernetes(program: str) -> None:
    """The generated models of all kinds take 100 MB and more than a second; both programs use a handful."""
    code = f"import sys, {program}; print(*(each for each in sys.modules if each.startswith('kubernetes.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert "kubernetes.aio.client.api_client" in modules
    assert not [each for each in modules if each.endswith(".models.v1_pod")]
