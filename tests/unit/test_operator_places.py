"""The places before AWS's limits: how many, and who is next."""

import pytest

from batteries_operator.places import Places


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def places(woken: list[str]) -> Places:
    return Places(2, woken.append)


def fill(places: Places, *keys: str, owner: str = "a") -> list[bool]:
    return [places.enter(key, owner) for key in keys]


def test_no_more_than_the_capacity_enter(places: Places) -> None:
    assert fill(places, "1", "2", "3", "4") == [True, True, False, False]
    assert (places.held, places.waiting) == (2, 2)


def test_who_is_in_stays_in_and_who_waits_waits_once(places: Places) -> None:
    fill(places, "1", "2", "3")
    assert fill(places, "1", "3", "3") == [True, False, False]
    assert (places.held, places.waiting) == (2, 1)


def test_who_leaves_wakes_the_next(places: Places, woken: list[str]) -> None:
    fill(places, "1", "2", "3")
    woken.clear()
    places.leave("1")
    assert woken == ["3"]
    assert places.enter("3", "a")
    assert (places.held, places.waiting) == (2, 0)


def test_an_owner_with_a_thousand_delays_another_by_one(places: Places, woken: list[str]) -> None:
    fill(places, *(f"big-{number}" for number in range(1000)), owner="big")
    fill(places, "small-1", "small-2", owner="small")
    woken.clear()
    for number in range(4):
        places.leave(f"big-{number}")
        places.leave(f"small-{number}")
    assert woken[:4] == ["big-2", "small-1", "big-3", "small-2"]


def test_who_leaves_the_line_is_not_admitted(places: Places, woken: list[str]) -> None:
    fill(places, "1", "2", "3", "4")
    woken.clear()
    places.leave("3")
    places.leave("1")
    assert woken == ["4"]
    assert (places.held, places.waiting) == (2, 0)


def test_leaving_twice_and_leaving_from_outside_change_nothing(places: Places) -> None:
    fill(places, "1", "2", "3")
    places.leave("nobody")
    places.leave("1")
    places.leave("1")
    assert (places.held, places.waiting) == (2, 0)


def test_what_was_under_way_before_a_restart_comes_back_past_the_capacity(places: Places, woken: list[str]) -> None:
    for key in ("1", "2", "3"):
        places.resume(key)
    assert places.held == 3
    assert fill(places, "1", "4") == [True, False]
    places.leave("1")
    assert woken == [], "still as many as may be"
    places.leave("2")
    assert woken == ["4"]


def test_who_waits_under_two_owners_is_admitted_once(places: Places) -> None:
    fill(places, "1", "2")
    fill(places, "3", owner="a")
    fill(places, "3", owner="b")
    places.leave("1")
    places.leave("3")
    assert (places.held, places.waiting) == (1, 0)
