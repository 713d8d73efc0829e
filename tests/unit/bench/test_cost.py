"""Whether a cost grows faster than the accounts do."""

from bench.cost import Cost


def test_the_steepest_step_counts_and_not_the_whole() -> None:
    """What a start costs anyway hides at the smallest size how it grows from there on."""
    cost = Cost("restart", "Restart", "s", 0.1, [10, 12, 60])
    *curve, growth = cost.figures([1_000, 10_000, 30_000])
    assert [each.key for each in curve] == ["restart@1000", "restart@10000", "restart@30000"]
    assert (growth.value, growth.limit, growth.is_met) == (5, 3, False)
    *_, growth = Cost("restart", "Restart", "s", 0.1, [10, 12, 36]).figures([1_000, 10_000, 30_000])
    assert growth.is_met


def test_what_is_as_good_as_nothing_may_grow_to_as_good_as_nothing() -> None:
    *_, growth = Cost("idle", "Idle", "%", 0.2, [0.001, 0.2]).figures([1_000, 10_000])
    assert (growth.value, growth.is_met) == (1, True)
