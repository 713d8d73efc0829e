"""The files that are generated from the code are those of the code: a change of either is seen without `make check`."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from batteries_crds import generate
from batteries_tools import dashboard, reference, values_schema

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm/ai-batteries-included/files"
OF_THE_CRDS = ["--admission", str(CHART / "admission-policies.yaml"), str(ROOT / "crds"), str(CHART / "crds")]


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (
            generate.main,
            ["--admission", str(CHART / "admission-policies.yaml"), str(ROOT / "crds"), str(CHART / "crds")],
        ),
        (values_schema.main, []),
        (dashboard.main, []),
        (reference.main, []),
    ],
    ids=["crds", "values-schema", "dashboard", "reference"],
)
def test_each_generated_file_is_current(
    main: Callable[[], int], arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["generator", "--check", *arguments])
    assert main() == 0, capsys.readouterr().err
