"""What is worked out where it can't be run."""

import pytest
from bench.beyond import by_size, creations, line

MEASURED = {
    "account_in_etcd": 9.0,
    **{f"{cost}@{size}": float(size) for cost in ("memory", "api_memory", "api_start") for size in (10, 20)},
    **{"restart_seconds@1": 100.0, "restart_seconds@10000": 10.0, "restart_seconds@30000": 30.0},
}


def test_what_was_measured_goes_on_as_between_its_two_largest_sizes() -> None:
    """Whatever a start costs anyway stands in the smallest, and is not multiplied."""
    assert line(MEASURED, "restart_seconds").at(100_000) == 100
    row = [each for each in by_size(MEASURED) if each.startswith("| 100,000")]
    assert "| 900 MB |" in row[0]
    assert row[0].endswith("| 100 s | 100,000 s |")


def test_what_was_not_measured_is_said() -> None:
    with pytest.raises(SystemExit, match="no curve of memory"):
        line({"memory@1000": 1.0}, "memory")


def test_an_organization_makes_no_more_than_its_rate_and_its_places_allow() -> None:
    """One in ten seconds where each takes three; five at a time where each takes minutes."""
    assert 8_000 < 500 / creations(500, seconds=3).days < 8_900
    assert 500 / creations(500, seconds=300).days < 5 * 86_400 / 300
