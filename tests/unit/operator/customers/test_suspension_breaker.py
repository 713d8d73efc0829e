"""Nothing suspends a large part of the customers in one go without a person."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.suspension_breaker import LOOKED_SECONDS, SuspensionBreaker
from batteries_operator.runtime.metrics import SUSPENSIONS_HELD_BACK

GRACE = timedelta(days=7)
UNPAID = "PaymentMethodMissing"


class World:
    """Customers with an account each, and an operator's holds."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.now = 0.0
        self.told: list[str] = []

    async def add(self, name: str, lost: timedelta | None) -> None:
        """A Customer who lost the payment method so long ago; None for one who can pay."""
        await self.customers.create("n", {"metadata": {"name": name}, "spec": {"email": "a@example.com"}})
        await self.pays(name, lost)
        spec = {"customerRef": {"name": name}}
        await self.accounts.create("n", {"apiVersion": "x", "metadata": {"name": f"of-{name}"}, "spec": spec})

    async def pays(self, name: str, lost: timedelta | None) -> None:
        status: dict[str, Any] = {"paymentMethod": "valid", "paymentGraceSince": None}
        if lost is not None:
            status = {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(utc_now_exactly() - lost)}
        await self.customers.merge_status("n", name, {"status": status})

    def operator(self, breaker: Breaker | None = None) -> CustomerHolds:
        """A process that has just begun."""
        made = SuspensionBreaker(
            self.customers,
            breaker or Breaker(),
            GRACE,
            post_event=lambda customer, message: self.told.append(customer.metadata.name),
            clock=lambda: self.now,
        )
        return CustomerHolds(self.accounts, GRACE, made)

    async def seen_by(self, holds: CustomerHolds) -> None:
        """All that a start shows, one after the other, and what comes of it."""
        async for account in self.accounts.all("n"):
            holds.account_seen(account)
        async for customer in self.customers.all("n"):
            holds.customer_seen(customer)
            await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)

    async def held(self, reason: str = UNPAID) -> set[str]:
        return {one.spec.customer_ref.name async for one in self.accounts.all("n") if reason in one.holds}


@pytest.fixture
async def world() -> World:
    return World()


async def filled(world: World, unpaid: int, paying: int, lost: Callable[[int], timedelta]) -> set[str]:
    for number in range(unpaid):
        await world.add(f"unpaid-{number:02}", lost(number))
    for number in range(paying):
        await world.add(f"paying-{number:02}", None)
    return {f"unpaid-{number:02}" for number in range(unpaid)}


DUE = GRACE + timedelta(hours=1)


async def test_many_that_are_due_together_are_not_held_and_not_even_the_first(world: World) -> None:
    await filled(world, 30, 30, lambda number: DUE + timedelta(minutes=number))
    holds = world.operator()
    await world.seen_by(holds)
    assert await world.held() == set()
    assert SUSPENSIONS_HELD_BACK._value.get() == 30
    assert len(world.told) == 1, "one Event, and not thirty"
    holds.close()


async def test_a_restart_comes_to_the_same_answer(world: World) -> None:
    await filled(world, 30, 30, lambda number: DUE)
    for _ in range(3):
        holds = world.operator()
        await world.seen_by(holds)
        holds.close()
    assert await world.held() == set()


async def test_who_becomes_due_one_by_one_within_a_day_counts_together(world: World) -> None:
    """The first is due now, the others within the hours to come: nobody is held in the meantime."""
    await filled(world, 30, 30, lambda number: DUE - timedelta(minutes=20 * number))
    holds = world.operator()
    await world.seen_by(holds)
    assert await world.held() == set()
    holds.close()


async def test_a_person_lets_it_happen_by_the_setting(world: World) -> None:
    unpaid = await filled(world, 30, 30, lambda number: DUE)
    holds = world.operator(Breaker(percent=100))
    await world.seen_by(holds)
    assert await world.held() == unpaid
    again = world.operator()
    await world.seen_by(again)
    assert await world.held() == unpaid, "set back, it opens nobody who is held"
    for each in (holds, again):
        each.close()


@pytest.mark.parametrize(("unpaid", "paying"), [(10, 0), (15, 85), (1, 0)])
async def test_few_or_a_small_part_are_held_as_ever(world: World, unpaid: int, paying: int) -> None:
    names = await filled(world, unpaid, paying, lambda number: DUE)
    holds = world.operator()
    await world.seen_by(holds)
    assert await world.held() == names
    assert SUSPENSIONS_HELD_BACK._value.get() == 0
    holds.close()


async def test_many_over_weeks_are_held_one_by_one(world: World) -> None:
    names = await filled(world, 20, 5, lambda number: DUE + timedelta(days=3 * number))
    holds = world.operator()
    await world.seen_by(holds)
    assert await world.held() == names
    holds.close()


async def test_a_blocked_customer_is_held_amid_it(world: World) -> None:
    await filled(world, 30, 30, lambda number: DUE)
    await world.customers.merge("n", "unpaid-00", {"spec": {"blocked": True}})
    holds = world.operator()
    await world.seen_by(holds)
    assert await world.held() == set()
    assert await world.held("CustomerBlocked") == {"unpaid-00"}
    holds.close()


async def test_when_most_can_pay_again_the_rest_is_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batteries_operator.customers.holds.STOPPED_SECONDS", 0.01)
    await filled(world, 30, 30, lambda number: DUE)
    holds = world.operator()
    await world.seen_by(holds)
    for number in range(5, 30):
        await world.pays(f"unpaid-{number:02}", None)
        holds.customer_seen(await world.customers.get("n", f"unpaid-{number:02}"))
    world.now += LOOKED_SECONDS + 1
    async with asyncio.timeout(5):
        while len(await world.held()) < 5:
            await asyncio.sleep(0.01)
    assert await world.held() == {f"unpaid-{number:02}" for number in range(5)}
    assert SUSPENSIONS_HELD_BACK._value.get() == 0
    holds.close()
