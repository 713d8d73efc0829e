"""Accounts that nobody pays for are closed where that is wanted: after the whole time, and not many at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import HoldRecord
from batteries_crds.base import to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.unpaid_closures import LOOKED_SECONDS, UnpaidClosures, closure_time, sets_time
from batteries_operator.runtime.metrics import CLOSURES_HELD_BACK
from batteries_operator.runtime.settings import Settings

GRACE, AFTER, DAY = timedelta(days=7), timedelta(days=30), timedelta(days=1)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNPAID = "PaymentMethodMissing"


class World:
    """Customers with a suspended account each, and an operator's holds."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.now = 0.0
        self.told: list[str] = []

    async def add(self, name: str, *, unpaid: bool = True, **record: datetime) -> None:
        """A Customer with an account, that has been held since long ago if it can't pay."""
        lost = {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(utc_now_exactly() - 90 * DAY)}
        await self.customers.create("n", {"metadata": {"name": name}, "spec": {"email": "a@example.com"}})
        status = {"status": lost if unpaid else {"paymentMethod": "valid"}}
        await self.customers.merge_status("n", name, status)
        spec = {"customerRef": {"name": name}}
        await self.accounts.create("n", {"apiVersion": "x", "metadata": {"name": f"of-{name}"}, "spec": spec})
        if unpaid:
            held = {"since": to_rfc3339(utc_now() - 80 * DAY), **{key: to_rfc3339(at) for key, at in record.items()}}
            change = {"status": {"phase": "suspended", "holds": {UNPAID: held}}}
            await self.accounts.merge_status("n", f"of-{name}", change)

    async def lot(self, unpaid: int, paying: int) -> None:
        for number in range(unpaid):
            await self.add(f"unpaid-{number:02}")
        for number in range(paying):
            await self.add(f"paying-{number:02}", unpaid=False)

    def closures(self, after: timedelta | None = AFTER, breaker: Breaker | None = None) -> UnpaidClosures:
        return UnpaidClosures(
            self.accounts,
            self.customers,
            breaker or Breaker(),
            after,
            lambda customer, message: self.told.append(customer.metadata.name),
            lambda: self.now,
        )

    async def run(self, after: timedelta | None = AFTER, breaker: Breaker | None = None) -> None:
        """A process that begins, sees all that there is and does what comes of it."""
        holds = CustomerHolds(self.accounts, GRACE, closures=self.closures(after, breaker))
        async for customer in self.customers.all("n"):
            holds.customer_seen(customer)
        async for account in self.accounts.all("n"):
            holds.account_seen(account)
        for _ in range(300):
            await asyncio.sleep(0)
        holds.close()

    async def closes_at(self, name: str) -> datetime | None:
        record = (await self.accounts.get("n", f"of-{name}")).status.holds.get(UNPAID)
        return None if record is None else record.closes_at

    async def closing(self) -> set[str]:
        return {one.spec.customer_ref.name async for one in self.accounts.all("n") if one.closes_at is not None}


@pytest.fixture
async def world() -> World:
    return World()


def account(**status: Any) -> AwsAccount:
    return AwsAccount.model_validate({"metadata": {"name": "a"}, "spec": {"email": "a@example.com"}, "status": status})


@pytest.mark.parametrize(
    ("since", "closes_at", "after", "expected"),
    [
        pytest.param(NOW, None, AFTER, NOW + AFTER, id="begun now"),
        pytest.param(NOW - 90 * DAY, None, AFTER, NOW + AFTER, id="suspended before closures were wanted"),
        pytest.param(NOW - 5 * DAY, NOW + 25 * DAY, AFTER, NOW + 25 * DAY, id="as it was"),
        pytest.param(NOW - 5 * DAY, NOW + 40 * DAY, AFTER, NOW + 40 * DAY, id="moved to later by others"),
        pytest.param(NOW - 5 * DAY, NOW + 25 * DAY, 60 * DAY, NOW + 55 * DAY, id="a longer setting"),
        pytest.param(NOW - 5 * DAY, NOW + 25 * DAY, 10 * DAY, NOW + 25 * DAY, id="a shorter one keeps what was told"),
        pytest.param(NOW - 5 * DAY, NOW + 25 * DAY, None, None, id="turned off"),
        pytest.param(NOW - 5 * DAY, None, None, None, id="off"),
    ],
)
def test_a_closure_has_the_whole_time_and_only_moves_to_later(
    since: datetime, closes_at: datetime | None, after: timedelta | None, expected: datetime | None
) -> None:
    record = HoldRecord(since=since, closes_at=closes_at)
    assert closure_time(account(), record, after, NOW) == expected


def test_a_new_hold_counts_from_now_and_a_closed_account_is_left_as_it_is() -> None:
    assert closure_time(account(), None, AFTER, NOW) == NOW + AFTER
    assert closure_time(account(), None, None, NOW) is None
    closed = account(closedAt="2026-11-01T00:00:00Z")
    record = HoldRecord(since=NOW - 90 * DAY, closes_at=NOW - 60 * DAY)
    for after in (AFTER, None):
        assert closure_time(closed, record, after, NOW) == NOW - 60 * DAY
    assert closure_time(closed, None, AFTER, NOW) is None


def test_only_a_change_of_a_closure_is_fenced() -> None:
    assert sets_time({"holds": {UNPAID: {"closesAt": None}}})
    assert not sets_time({"holds": {UNPAID: {"since": "x"}, "CustomerBlocked": None}})
    assert not sets_time({"hold": None})


async def test_a_held_account_gets_its_time_once_and_loses_it_when_the_setting_is_off(world: World) -> None:
    await world.add("one")
    before = utc_now()
    await world.run()
    at = await world.closes_at("one")
    assert at is not None
    assert before + AFTER <= at <= utc_now() + AFTER
    writes = len(world.cluster.writes)
    await world.run()
    assert len(world.cluster.writes) == writes, "a restart writes nothing"
    await world.run(after=None)
    assert await world.closes_at("one") is None


async def test_a_new_hold_begins_with_its_time_and_a_payment_takes_both_away(world: World) -> None:
    await world.add("one")
    await world.accounts.merge_status("n", "of-one", {"status": {"holds": {UNPAID: None}}})
    await world.run()
    record = (await world.accounts.get("n", "of-one")).status.holds[UNPAID]
    assert record.closes_at == record.since + AFTER
    await world.customers.merge_status("n", "one", {"status": {"paymentMethod": "valid", "paymentGraceSince": None}})
    await world.run()
    assert (await world.accounts.get("n", "of-one")).closes_at is None


async def test_without_closures_a_hold_has_no_time(world: World) -> None:
    await world.add("one")
    await world.run(after=None)
    assert await world.closes_at("one") is None


async def test_who_is_not_due_or_not_seen_gets_no_time(world: World) -> None:
    await world.add("one")
    await world.customers.merge_status("n", "one", {"status": {"paymentGraceSince": None}})  # not begun: undecided
    await world.run()
    assert await world.closes_at("one") is None
    holds = CustomerHolds(world.accounts, GRACE, closures=world.closures())
    holds.account_seen(await world.accounts.get("n", "of-one"))
    for _ in range(100):
        await asyncio.sleep(0)
    holds.close()
    assert await world.closes_at("one") is None


async def test_of_two_operators_one_sets_the_time(world: World) -> None:
    await world.add("one")
    stale = await world.accounts.get("n", "of-one")
    await world.run()
    at = await world.closes_at("one")
    holds = CustomerHolds(world.accounts, GRACE, closures=world.closures(2 * AFTER))
    holds.customer_seen(await world.customers.get("n", "one"))
    await holds._write_one(("n", "one"), stale, frozenset())
    assert await world.closes_at("one") == at
    holds.close()


async def test_many_old_suspensions_are_not_all_closed_when_closures_are_turned_on(world: World) -> None:
    await world.lot(30, 30)
    await world.run()
    assert await world.closing() == set()
    assert CLOSURES_HELD_BACK._value.get() == 30
    assert len(world.told) == 1
    await world.run(breaker=Breaker(percent=100))
    assert len(await world.closing()) == 30
    assert CLOSURES_HELD_BACK._value.get() == 0
    await world.run()
    assert len(await world.closing()) == 30, "set back, it takes none away"


@pytest.mark.parametrize(("unpaid", "paying", "closed"), [(10, 0, 10), (11, 44, 11), (11, 43, 0)])
async def test_few_or_a_small_part_are_closed_as_ever(world: World, unpaid: int, paying: int, closed: int) -> None:
    await world.lot(unpaid, paying)
    await world.run()
    assert len(await world.closing()) == closed


async def test_closures_of_other_days_and_of_closed_accounts_do_not_count(world: World) -> None:
    await world.lot(5, 0)
    for number in range(20):
        await world.add(f"earlier-{number:02}", closesAt=utc_now() + AFTER - 2 * DAY)
        await world.add(f"gone-{number:02}", closesAt=utc_now() + AFTER)
        gone = {"status": {"closedAt": to_rfc3339(utc_now())}}
        await world.accounts.merge_status("n", f"of-gone-{number:02}", gone)
    closures = world.closures()
    assert await closures.may_begin(await world.customers.get("n", "unpaid-00"), utc_now_exactly())


async def test_a_look_is_used_for_a_minute(world: World) -> None:
    await world.lot(11, 0)
    closures, one = world.closures(), await world.customers.get("n", "unpaid-00")
    assert not await closures.may_begin(one, utc_now_exactly())
    for number in range(1, 11):
        await world.accounts.merge_status("n", f"of-unpaid-{number:02}", {"status": {"holds": {UNPAID: None}}})
    world.now = LOOKED_SECONDS
    assert not await closures.may_begin(one, utc_now_exactly())
    world.now = LOOKED_SECONDS + 1
    assert await closures.may_begin(one, utc_now_exactly())
    assert not await world.closures(after=None).may_begin(one, utc_now_exactly())


async def test_a_customer_that_is_gone_is_not_held_back_any_more(world: World) -> None:
    await world.lot(11, 0)
    holds = CustomerHolds(world.accounts, GRACE, closures=(closures := world.closures()))
    assert not await closures.may_begin(await world.customers.get("n", "unpaid-00"), utc_now_exactly())
    assert CLOSURES_HELD_BACK._value.get() == 1
    holds.customer_gone("n", "unpaid-00")
    assert CLOSURES_HELD_BACK._value.get() == 0


def test_closures_are_off_unless_they_are_wanted() -> None:
    assert Settings().payment_close_after is None
    assert Settings(payment_close_after_seconds=60).payment_close_after == timedelta(minutes=1)
