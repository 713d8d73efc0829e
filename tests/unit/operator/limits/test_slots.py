"""The places before AWS's limits: how many, and who is next."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from batteries_operator.limits.slots import Places


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def alarms() -> list[tuple[float, Callable[[], None]]]:
    return []


@pytest.fixture
def places(woken: list[str], alarms: list[tuple[float, Callable[[], None]]]) -> Places:
    return Places(2, woken.append, lambda seconds, function: alarms.append((seconds, function)))


START = datetime(2026, 1, 1, tzinfo=UTC)


def age(number: int) -> datetime:
    return START + timedelta(seconds=number)


def fill(places: Places, *keys: str, owner: str = "a") -> list[bool]:
    return [places.enter(key, owner, age(places.held + places.waiting)) for key in keys]


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
    assert places.enter("3", "a", START)
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


def test_the_oldest_is_served_first_whatever_the_order_of_arrival_after_a_restart(
    places: Places, woken: list[str]
) -> None:
    fill(places, "1", "2")
    for name, born in (("young", 30), ("old", 10), ("middle", 20)):
        places.enter(name, "a", age(born))
    assert [places.position(name) for name in ("old", "middle", "young")] == [1, 2, 3]
    for key in ("1", "2", "old"):
        places.leave(key)
    assert woken == ["old", "middle", "young"]


def test_the_position_in_line_is_the_order_of_service(places: Places, woken: list[str]) -> None:
    fill(places, "1", "2")
    fill(places, "big-1", "big-2", "big-3", "big-4", owner="big")
    fill(places, "small-1", "small-2", owner="small")
    told = {places.position(key): key for key in ("big-1", "big-2", "big-3", "big-4", "small-1", "small-2")}
    for _ in range(6):
        places.leave(woken[-1] if woken else "1")
    assert woken == [told[place] for place in range(1, 7)]
    assert places.position("1") is None


def test_a_full_organization_is_asked_by_one_until_that_one_came_through(
    places: Places, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(places, "1", "2", "3", "4")
    places.refused("1", "a", age(0), 300)
    assert sorted(woken) == ["1", "3", "4"], "all in line say so"
    woken.clear()
    places.refused("2", "a", age(1), 300)
    assert (woken, places.held, places.is_shut) == ([], 0, True), "said once"
    assert not places.enter("3", "a", age(2))
    (seconds, later), _ = alarms
    assert seconds == 300
    later()
    assert (woken, places.held) == (["1"], 1)
    places.refused("1", "a", age(0), 300)
    assert places.held == 0
    alarms[-1][1]()
    assert woken == ["1", "1"], "the oldest tries again"
    places.proved()
    assert (places.is_shut, places.held, woken[2:]) == (False, 2, ["2"])


def test_who_leaves_the_shut_line_leaves_the_try_to_the_next(
    places: Places, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(places, "1", "2", "3")
    places.refused("1", "a", age(0), 300)
    woken.clear()
    places.leave("1")
    places.leave("2")
    assert woken == []
    alarms[0][1]()
    assert woken == ["3"]


def test_what_has_ended_makes_room_unless_the_line_is_shut(
    places: Places, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(places, "1", "2", "3", "4")
    places.end("1")
    assert (woken, places.held) == (["3"], 2)
    places.refused("2", "a", age(1), 300)
    places.leave("3")
    woken.clear()
    alarms[0][1]()
    assert woken == ["2"], "who tries"
    places.end("2")
    assert (woken, places.held) == (["2"], 1), "what came of its try is not known yet"
