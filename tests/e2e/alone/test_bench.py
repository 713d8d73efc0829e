"""The parts of `make bench` that measure the operator still run, at a scale at which nothing is learned from them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from bench import grown, making, pool, report
from bench.ground import Ground
from bench.part import TINY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground() -> AsyncIterator[Ground]:
    """One control plane, as the short benchmark has it."""
    async with Ground.open(shared=True) as opened:
        yield opened


async def test_making_is_measured(ground: Ground) -> None:
    """What the operator called for one account can be played by the bare script, as often as asked."""
    figures = {each.key: each for each in await making.measure_many(TINY, ground)}
    assert figures["accounts_per_second"].ratio
    assert figures["status_writes_per_second"].ratio


async def test_a_pool_is_measured(ground: Ground) -> None:
    """Claims come from the pool and not from AWS, the script can play one, and a pool at rest costs nothing."""
    figures = {each.key: each for each in await pool.measure(TINY, ground)}
    assert (figures["pool_claim_to_cold"].ratio or 1) < 1
    assert figures["pool_deployable"].value <= figures["pool_claim"].value
    assert figures["pool_claims_per_second"].ratio
    assert (figures["pool_rest_calls"].value, figures["pool_rest_writes"].value) == (0, 0)


async def test_growth_is_measured(ground: Ground, tmp_path: Path) -> None:
    """Copied accounts are at rest for the operator: a restart among them calls nothing and writes nothing."""
    figures = await grown.measure(TINY, ground)
    found = {each.key: each for each in figures}
    assert (found["restart_calls"].value, found["restart_writes"].value) == (0, 0)
    assert found["change_p50"].value > 0
    assert {f"memory@{size}" for size in TINY.grown} <= set(found)
    written = report.write(tmp_path, figures, {"command": "make bench", "date": "2026-11-24T00:00:00Z"})
    assert json.loads((tmp_path / "results.json").read_text()) == written
    assert "</svg>" in (tmp_path / "growth.svg").read_text()
