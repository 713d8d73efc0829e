"""Counts in fixed windows: until when each counts, and which is dropped where there are too many."""

import pytest

from batteries_apiserver.http.fixed_window import FixedWindows


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_window_says_its_count_and_how_long_it_lasts_from_its_first_request(clock: Clock) -> None:
    windows = FixedWindows(clock=clock)
    assert windows.incr("a", 60) == (1, 60)
    clock.now += 59
    assert windows.incr("a", 60) == (2, 1)
    assert (windows.get("a"), windows.get("b")) == (2, 0)
    clock.now += 1
    assert windows.get("a") == 0, "it ends in this moment"
    assert windows.incr("a", 60) == (1, 60)


def test_the_oldest_window_is_dropped_where_there_are_too_many(clock: Clock) -> None:
    windows = FixedWindows(size=2, clock=clock)
    windows.incr("a", 60)
    windows.incr("b", 60)
    clock.now += 60
    windows.incr("a", 60)
    windows.incr("c", 60)
    assert [windows.get(key) for key in "abc"] == [1, 0, 1], "a began anew, so b was the oldest"
    assert windows.reset() == 2
    assert windows.get("a") == 0
