"""A customer who stops paying, on a clock that is turned: suspended, told and closed, or back in between.

The parts are the operator's own: the holds of the Customer's accounts, and the deadlines that act on their times.
"""

from datetime import datetime
from typing import Any

import pytest
from fakes.cluster import FakeResources, Json

from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.unpaid_closures import UnpaidClosures

from .test_deadlines import CLOSES, DAY, HOUR, SECOND, World, until

GRACE, AFTER = 7 * DAY, 30 * DAY
UNPAID = "PaymentMethodMissing"


class Unpaid(World):
    """The world of deadlines, with the Customer of its account and the holds that follow from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.holds: list[CustomerHolds] = []

    def _shown(self, kind: str, body: Json) -> None:
        if kind != "Customer":
            super()._shown(kind, body)
        for each in self.holds:
            if kind == "AwsAccount":
                each.account_seen(self.accounts.read(body))
            elif kind == "Customer":
                each.customer_seen(self.customers.read(body))

    async def run(self) -> None:
        """Another operator begins."""
        closures = UnpaidClosures(self.accounts, self.customers, Breaker(), AFTER)
        holds = CustomerHolds(self.accounts, GRACE, closures=closures)
        self.holds.append(holds)
        async for customer in self.customers.all("n"):
            holds.customer_seen(customer)
        async for account in self.accounts.all("n"):
            holds.account_seen(account)
        await self.start()

    def stop(self) -> None:
        super().stop()
        while self.holds:
            self.holds.pop().close()

    async def pays(self, lost: datetime | None) -> None:
        if ("Customer", "n", "c-1") not in self.cluster.objects:
            await self.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "a@example.com"}})
        status = {"paymentMethod": "valid", "paymentGraceSince": None}
        if lost is not None:
            status = {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(lost)}
        await self.customers.merge_status("n", "c-1", {"status": status})

    async def closes_at(self) -> datetime:
        found = (await self.account()).closes_at
        assert found is not None
        return found


@pytest.fixture
def world() -> Any:
    made = Unpaid()
    yield made
    made.stop()


async def lost(world: Unpaid, operators: int = 1) -> datetime:
    """The account is there and its Customer has just lost the payment method; when that was."""
    await world.pays(None)
    await world.add(customer=True)
    for _ in range(operators):
        await world.run()
    began = utc_now_exactly()
    await world.pays(began)
    return began


@pytest.mark.parametrize("operators", [1, 2])
async def test_it_is_suspended_after_the_grace_told_twice_and_closed_after_the_whole_time(
    world: Unpaid, operators: int
) -> None:
    began = await lost(world, operators)
    await until(began + GRACE, SECOND)
    assert (await world.account()).holds == frozenset()
    await until(began + GRACE, -SECOND)
    at = await world.closes_at()
    assert began + GRACE + AFTER - SECOND <= at <= began + GRACE + AFTER + SECOND
    for before, told in ((7 * DAY, 0), (DAY, 1)):
        await until(at, before + SECOND)
        assert world.kinds == [CLOSES] * told
        await until(at, before - 2 * SECOND)
        await world.try_mails()
    assert world.kinds == [CLOSES] * 2
    await until(at, SECOND)
    assert (await world.account()).status.closure_due_at is None, "never early"
    await until(at, -10 * SECOND)
    assert (await world.account()).status.closure_due_at == at
    assert await world.closes_at() == at
    assert world.kinds == [CLOSES] * 2, "nothing twice"


@pytest.mark.parametrize("days", [1, 24, 29.99])
async def test_who_pays_in_between_is_opened_and_nothing_follows(world: Unpaid, days: float) -> None:
    began = await lost(world)
    await until(began + GRACE + days * DAY)
    await world.try_mails()
    assert (await world.account()).holds == {UNPAID}
    await world.pays(None)
    await until(utc_now_exactly() + SECOND)
    assert (await world.account()).holds == frozenset()
    told = len(world.kinds)
    await until(began + GRACE + AFTER + 60 * DAY)
    account = await world.account()
    assert (account.status.closure_due_at, account.closes_at, len(world.kinds)) == (None, None, told)


async def test_an_operator_that_slept_through_all_of_it_tells_first_and_closes_a_day_later(world: Unpaid) -> None:
    began = await lost(world)
    await until(began + GRACE + DAY)
    at = await world.closes_at()
    world.stop()
    await until(at, -5 * DAY)
    await world.run()
    await until(utc_now_exactly() + HOUR)
    await world.try_mails()
    later = await world.closes_at()
    assert later >= utc_now_exactly() + DAY - HOUR
    assert world.kinds == [CLOSES]
    assert (await world.account()).status.closure_due_at is None
    await until(later, -HOUR)
    assert (await world.account()).status.closure_due_at == later


async def test_a_loss_that_an_operator_slept_through_still_gets_the_whole_time(world: Unpaid) -> None:
    await world.pays(utc_now_exactly() - 90 * DAY)
    await world.add(customer=True)
    begun = utc_now_exactly()
    await world.run()
    await until(begun + SECOND)
    assert await world.closes_at() >= begun + AFTER - SECOND
