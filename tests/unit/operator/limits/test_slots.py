"""The slots for AWS's limits: how many, and who is next."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from batteries_operator.limits.slots import Slots


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def alarms() -> list[tuple[float, Callable[[], None]]]:
    return []


@pytest.fixture
def slots(woken: list[str], alarms: list[tuple[float, Callable[[], None]]]) -> Slots:
    return Slots(2, woken.append, lambda seconds, function: alarms.append((seconds, function)))


START = datetime(2026, 1, 1, tzinfo=UTC)


def age(number: int) -> datetime:
    return START + timedelta(seconds=number)


def fill(slots: Slots, *keys: str, owner: str = "a") -> list[bool]:
    return [slots.acquire(key, owner, age(slots.held + slots.waiting)) for key in keys]


def test_no_more_than_the_capacity_enter(slots: Slots) -> None:
    assert fill(slots, "1", "2", "3", "4") == [True, True, False, False]
    assert (slots.held, slots.waiting) == (2, 2)


def test_who_is_in_stays_in_and_who_waits_waits_once(slots: Slots) -> None:
    fill(slots, "1", "2", "3")
    assert fill(slots, "1", "3", "3") == [True, False, False]
    assert (slots.held, slots.waiting) == (2, 1)


def test_who_leaves_wakes_the_next(slots: Slots, woken: list[str]) -> None:
    fill(slots, "1", "2", "3")
    woken.clear()
    slots.release("1")
    assert woken == ["3"]
    assert slots.acquire("3", "a", START)
    assert (slots.held, slots.waiting) == (2, 0)


def test_an_owner_with_a_thousand_delays_another_by_one(slots: Slots, woken: list[str]) -> None:
    fill(slots, *(f"big-{number}" for number in range(1000)), owner="big")
    fill(slots, "small-1", "small-2", owner="small")
    woken.clear()
    for number in range(4):
        slots.release(f"big-{number}")
        slots.release(f"small-{number}")
    assert woken[:4] == ["big-2", "small-1", "big-3", "small-2"]


def test_who_leaves_the_line_is_not_admitted(slots: Slots, woken: list[str]) -> None:
    fill(slots, "1", "2", "3", "4")
    woken.clear()
    slots.release("3")
    slots.release("1")
    assert woken == ["4"]
    assert (slots.held, slots.waiting) == (2, 0)


def test_leaving_twice_and_leaving_from_outside_change_nothing(slots: Slots) -> None:
    fill(slots, "1", "2", "3")
    slots.release("nobody")
    slots.release("1")
    slots.release("1")
    assert (slots.held, slots.waiting) == (2, 0)


def test_what_was_under_way_before_a_restart_comes_back_past_the_capacity(slots: Slots, woken: list[str]) -> None:
    for key in ("1", "2", "3"):
        slots.restore(key)
    assert slots.held == 3
    assert fill(slots, "1", "4") == [True, False]
    slots.release("1")
    assert woken == [], "still as many as may be"
    slots.release("2")
    assert woken == ["4"]


def test_who_waits_under_two_owners_is_admitted_once(slots: Slots) -> None:
    fill(slots, "1", "2")
    fill(slots, "3", owner="a")
    fill(slots, "3", owner="b")
    slots.release("1")
    slots.release("3")
    assert (slots.held, slots.waiting) == (1, 0)


def test_the_oldest_is_served_first_whatever_the_order_of_arrival_after_a_restart(
    slots: Slots, woken: list[str]
) -> None:
    fill(slots, "1", "2")
    for name, born in (("young", 30), ("old", 10), ("middle", 20)):
        slots.acquire(name, "a", age(born))
    assert [slots.position(name) for name in ("old", "middle", "young")] == [1, 2, 3]
    for key in ("1", "2", "old"):
        slots.release(key)
    assert woken == ["old", "middle", "young"]


def test_the_position_in_line_is_the_order_of_service(slots: Slots, woken: list[str]) -> None:
    fill(slots, "1", "2")
    fill(slots, "big-1", "big-2", "big-3", "big-4", owner="big")
    fill(slots, "small-1", "small-2", owner="small")
    told = {slots.position(key): key for key in ("big-1", "big-2", "big-3", "big-4", "small-1", "small-2")}
    for _ in range(6):
        slots.release(woken[-1] if woken else "1")
    assert woken == [told[place] for place in range(1, 7)]
    assert slots.position("1") is None


def test_a_full_organization_is_asked_by_one_until_that_one_came_through(
    slots: Slots, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(slots, "1", "2", "3", "4")
    slots.refused("1", "a", age(0), 300)
    assert sorted(woken) == ["1", "3", "4"], "all in line say so"
    woken.clear()
    slots.refused("2", "a", age(1), 300)
    assert (woken, slots.held, slots.is_shut) == ([], 0, True), "said once"
    assert not slots.acquire("3", "a", age(2))
    (_, earlier), (seconds, later) = alarms
    assert seconds == 300
    earlier()
    assert (woken, slots.held) == ([], 0), "the line stays shut for as long as the last of them said"
    later()
    assert (woken, slots.held) == (["1"], 1)
    slots.refused("1", "a", age(0), 300)
    assert slots.held == 0
    alarms[-1][1]()
    assert woken == ["1", "1"], "the oldest tries again"
    slots.proved()
    assert (slots.is_shut, slots.held, woken[2:]) == (False, 2, ["2"])


def test_who_leaves_the_shut_line_leaves_the_try_to_the_next(
    slots: Slots, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(slots, "1", "2", "3")
    slots.refused("1", "a", age(0), 300)
    woken.clear()
    slots.release("1")
    slots.release("2")
    assert woken == []
    alarms[0][1]()
    assert woken == ["3"]


def test_what_has_ended_makes_room_unless_the_line_is_shut(
    slots: Slots, woken: list[str], alarms: list[tuple[float, Callable[[], None]]]
) -> None:
    fill(slots, "1", "2", "3", "4")
    slots.finish("1")
    assert (woken, slots.held) == (["3"], 2)
    slots.refused("2", "a", age(1), 300)
    slots.release("3")
    woken.clear()
    alarms[0][1]()
    assert woken == ["2"], "who tries"
    slots.finish("2")
    assert (woken, slots.held) == (["2"], 1), "what came of its try is not known yet"


def test_a_slot_that_was_held_before_a_restart_is_no_place_in_line_as_well(slots: Slots, woken: list[str]) -> None:
    fill(slots, "1", "2", "3")
    slots.restore("3")
    assert (slots.held, slots.waiting, slots.position("3")) == (3, 0, None)
    slots.release("1")
    slots.release("2")
    assert (slots.held, woken) == (1, [])


def test_an_account_that_is_forgotten_leaves_its_slot_or_its_place(slots: Slots, woken: list[str]) -> None:
    fill(slots, "1", "2", "3", "4")
    slots.forget("3")
    slots.forget("1")
    assert (slots.held, slots.waiting, woken) == (2, 0, ["4"])


def test_an_owner_with_fewer_accounts_is_before_the_next_round_only_where_it_has_a_turn(slots: Slots) -> None:
    fill(slots, "1", "2")
    fill(slots, "a-1", "a-2", "a-3", owner="a")
    fill(slots, "b-1", "b-2", owner="b")
    fill(slots, "c-1", "c-2", "c-3", owner="c")
    every = ("a-1", "b-1", "c-1", "a-2", "b-2", "c-2", "a-3", "c-3")
    assert [slots.position(key) for key in every] == list(range(1, 9))


def test_after_a_refusal_the_round_begins_with_the_owner_of_the_oldest_account(slots: Slots) -> None:
    fill(slots, "1", "2")
    slots.acquire("young", "a", age(90))
    slots.acquire("old", "z", age(10))
    slots.refused("1", "b", age(50), 300)
    assert [slots.position(key) for key in ("old", "1", "young")] == [1, 2, 3]
