"""Members of a pool belong to nobody: who waits for an account is served before them, and never held up by them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_crds.pooled_account import LINE
from batteries_operator.limits.slots import Slots

Alarms = list[tuple[float, Callable[[], None]]]

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def alarms() -> Alarms:
    return []


@pytest.fixture
def slots(woken: list[str], alarms: Alarms) -> Slots:
    return Slots(3, woken.append, lambda seconds, function: alarms.append((seconds, function)))


def age(number: int) -> datetime:
    return START + timedelta(seconds=number)


def enter(slots: Slots, *keys: str, owner: str = LINE) -> list[bool]:
    return [slots.acquire(key, owner, age(number)) for number, key in enumerate(keys)]


def test_no_account_has_the_members_line() -> None:
    for spec in ({"email": "pool"}, {"customerRef": {"name": "pool"}}):
        account = AwsAccount.model_validate({"metadata": {"name": "a", "namespace": "pool"}, "spec": spec})
        assert account.line != LINE


def test_members_leave_the_last_slot_to_the_next_customer(slots: Slots) -> None:
    assert enter(slots, "m1", "m2", "m3") == [True, True, False]
    assert enter(slots, "c1", owner="n/customer/c") == [True]
    assert slots.held == 3


def test_a_member_gets_the_only_slot_when_nobody_holds_or_wants_it(woken: list[str]) -> None:
    slots = Slots(1, woken.append, lambda *_: None)
    assert enter(slots, "m1", "m2") == [True, False]
    assert enter(slots, "c1", owner="n/customer/c") == [False]
    slots.release("m1")
    assert woken == ["c1"], "the customer came later than the member, and is served first"
    slots.release("c1")
    assert woken == ["c1", "m2"]


def test_a_customer_who_waits_is_served_before_older_members(slots: Slots, woken: list[str]) -> None:
    enter(slots, "m1", "m2", "m3")
    for number in range(4):
        slots.acquire(f"c{number}", "n/customer/c", age(100 + number))
    assert [slots.position(key) for key in ("c1", "c2", "c3", "m3")] == [1, 2, 3, 4]
    assert (slots.waiting, slots.waiting_customers) == (4, 3)
    for key in ("m1", "m2", "c0", "c1", "c2"):
        slots.release(key)
    assert woken == ["c1", "c2", "c3", "m3"]


def test_a_member_that_aws_refuses_holds_up_no_customer(slots: Slots, woken: list[str], alarms: Alarms) -> None:
    enter(slots, "m1", "m2", "m3")
    enter(slots, "c1", "c2", owner="n/customer/c")
    woken.clear()
    slots.refused("m1", LINE, age(0), 300)
    assert (woken, slots.is_shut, slots.is_shut_for(LINE)) == (["c2"], False, True)
    slots.release("c1")
    slots.release("c2")
    assert not slots.acquire("m1", LINE, age(0)), "it does not ask again at once"
    assert slots.acquire("c3", "n/customer/c", age(9))
    slots.release("c3")
    woken.clear()
    assert alarms[0][0] == 300
    alarms[0][1]()
    assert woken == ["m1"], "and then it does, the oldest first"
    assert not slots.is_shut_for(LINE)


def test_of_several_refusals_of_members_the_last_counts(slots: Slots, woken: list[str], alarms: Alarms) -> None:
    enter(slots, "m1", "m2")
    slots.refused("m1", LINE, age(0), 300)
    slots.refused("m2", LINE, age(1), 300)
    alarms[0][1]()
    assert (woken, slots.held) == ([], 0)
    alarms[1][1]()
    assert woken == ["m1", "m2"]


def test_in_a_full_organization_a_member_tries_only_when_no_customer_does(
    slots: Slots, woken: list[str], alarms: Alarms
) -> None:
    enter(slots, "c1", owner="n/customer/c")
    enter(slots, "m1")
    slots.refused("c1", "n/customer/c", age(0), 300)
    slots.release("m1")
    enter(slots, "m1")
    woken.clear()
    alarms[0][1]()
    assert woken == ["c1"]
    slots.refused("c1", "n/customer/c", age(0), 300)
    slots.release("c1")  # its owner gave up
    woken.clear()
    alarms[1][1]()
    assert woken == ["m1"]
    slots.refused("m1", LINE, age(0), 300)
    assert slots.acquire("c2", "n/customer/c", age(5)), "the one try is the customer's again"
    slots.proved()
    assert not slots.is_shut


def test_the_first_customers_of_a_namespace_are_found_in_the_order_of_service(slots: Slots) -> None:
    enter(slots, "x", "y", "z", owner="n/customer/z")
    enter(slots, "a1", "a2", owner="n/customer/a")
    enter(slots, "o1", owner="other/customer/a")
    enter(slots, "p1", owner="n2/customer/a")
    enter(slots, "b1", owner="n/email/b")
    enter(slots, "m1")
    assert list(slots.first_in("n")) == ["a1", "b1", "a2"]
    assert list(slots.first_in("nobody")) == []
