"""The parts of `make bench` that measure the operator still run, at a scale at which nothing is learned from them."""

import json
from pathlib import Path

import pytest
from bench import grown, making, report
from bench.part import TINY

pytestmark = pytest.mark.timeout(240)


async def test_making_is_measured() -> None:
    """What the operator called for one account can be played by the bare script, as often as asked."""
    figures = {each.key: each for each in await making.measure_many(TINY)}
    assert figures["accounts_per_second"].ratio
    assert figures["status_writes_per_second"].ratio


async def test_growth_is_measured(tmp_path: Path) -> None:
    """Copied accounts are at rest for the operator: a restart among them calls nothing and writes nothing."""
    figures = await grown.measure(TINY)
    found = {each.key: each for each in figures}
    assert (found["restart_calls"].value, found["restart_writes"].value) == (0, 0)
    assert found["change_p50"].value > 0
    assert {f"memory@{size}" for size in TINY.grown} <= set(found)
    written = report.write(tmp_path, figures, {"command": "make bench", "date": "2026-11-24T00:00:00Z"})
    assert json.loads((tmp_path / "results.json").read_text()) == written
    assert "</svg>" in (tmp_path / "growth.svg").read_text()
