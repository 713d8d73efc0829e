"""Owners are mailed about a missing payment method before their accounts are suspended: in order, once, none early."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_crds.notification import Notification
from batteries_operator.customers import payment_notices
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.payment_notices import PaymentNotices
from batteries_operator.customers.payments import why_not_to_send
from batteries_operator.customers.suspension_breaker import SuspensionBreaker

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GRACE = 7 * DAY
BEGAN = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
UNPAID = frozenset({"PaymentMethodMissing"})
LOST, SOON, SUSPENDED = "PaymentMethodMissing", "SuspensionSoon", "Suspended"


class Clock:
    """A time that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.time = now
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        until = self.time + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self.time >= until)

    async def pass_to(self, moment: datetime) -> None:
        async with self._moved:
            self.time = moment
            self._moved.notify_all()
        await settled()


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


class World:
    """A cluster with one Customer, and operators that can be started again."""

    def __init__(self, began: datetime = BEGAN) -> None:
        self.cluster, self.clock, self.began = Cluster(), Clock(began), began
        self.notifications: Any = FakeResources(self.cluster, Notification)
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.has_accounts = True
        self.notices: PaymentNotices | None = None
        self.holds: CustomerHolds | None = None
        self.cluster.watches.append(self._shown)

    def _shown(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "Notification" and self.notices is not None:
            self.notices.see(self.notifications.read(body))

    async def _has_accounts(self, customer: tuple[str, str]) -> bool:
        assert customer == ("n", "c-1")
        return self.has_accounts

    async def pays(self, lost: datetime | None) -> Customer:
        if ("Customer", "n", "c-1") not in self.cluster.objects:
            await self.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "a@example.com"}})
        status = {"paymentMethod": "valid", "paymentGraceSince": None}
        if lost is not None:
            status = {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(lost)}
        seen: Customer = await self.customers.merge_status("n", "c-1", {"status": status})
        for each in (self.notices, self.holds):
            if each is not None:
                each.customer_seen(seen)
        await settled()
        return seen

    async def start(self, grace: timedelta | None = GRACE, *, is_mail_on: bool = True) -> None:
        """A process that has just begun, and has seen what there is."""
        self.stop()
        self.notices = PaymentNotices(
            self.notifications,
            grace,
            is_mail_on=is_mail_on,
            has_accounts=self._has_accounts,
            now=self.clock.now,
            sleep=self.clock.sleep,
        )
        async for made in self.notifications.all("n"):
            self.notices.see(made)
        async for customer in self.customers.all("n"):
            self.notices.customer_seen(customer)
        await settled()

    async def start_with_holds(self, *, is_mail_on: bool = True, breaker: Breaker | None = None) -> None:
        await self.start(is_mail_on=is_mail_on)
        made = SuspensionBreaker(self.customers, breaker, GRACE) if breaker else None
        self.holds = CustomerHolds(self.accounts, GRACE, made, self.notices)
        async for account in self.accounts.all("n"):
            self.holds.account_seen(account)
        async for customer in self.customers.all("n"):
            self.holds.customer_seen(customer)
        await settled()

    def stop(self) -> None:
        for each in (self.notices, self.holds):
            if each is not None:
                each.close()
        self.notices = self.holds = None

    async def made(self) -> list[str]:
        return [each.spec.kind.value async for each in self.notifications.all("n")]

    async def finish(self, **status: str) -> None:
        """What the outbox writes."""
        async for each in self.notifications.all("n"):
            await self.notifications.merge_status("n", each.metadata.name, {"status": status or {"state": "Sent"}})
        await settled()

    def writes_tried(self) -> list[str]:
        """The kinds of what is written from now on, also of what is refused."""
        tried: list[str] = []
        self.cluster.before_write = lambda kind, body: tried.append(kind)
        return tried

    async def add_account(self, name: str = "acme") -> None:
        spec = {"customerRef": {"name": "c-1"}}
        await self.accounts.create("n", {"metadata": {"name": name}, "spec": spec})

    async def held(self, name: str = "acme") -> frozenset[str]:
        found: AwsAccount = await self.accounts.get("n", name)
        return found.holds


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    made.stop()


async def unpaid_for(ago: timedelta) -> World:
    """A world with an account, whose owner lost the payment method so long ago by the real clock, which holds go by."""
    world = World(utc_now_exactly() - ago)
    world.clock.time = utc_now_exactly()
    await world.pays(world.began)
    await world.add_account()
    return world


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not await holds():
            await asyncio.sleep(0.01)


async def test_the_notices_come_in_order_each_in_its_time_and_none_early(world: World) -> None:
    await world.start()
    await world.pays(BEGAN)
    assert await world.made() == [LOST]
    second = timedelta(seconds=1)
    for days, told in ((4, [LOST, SOON]), (6, [LOST, SOON, SOON])):
        await world.clock.pass_to(BEGAN + days * DAY - second)
        assert await world.made() == told[:-1], "nothing early"
        await world.clock.pass_to(BEGAN + days * DAY)
        assert await world.made() == told
    await world.clock.pass_to(BEGAN + 8 * DAY)
    assert SUSPENDED not in await world.made(), "no account is suspended"


async def test_the_mails_say_since_when_and_until_when_and_end_with_their_customer(world: World) -> None:
    await world.start()
    customer = await world.pays(BEGAN)
    [made] = [each async for each in world.notifications.all("n")]
    details = made.spec.details
    assert (details["since"], details["suspendedAt"]) == (to_rfc3339(BEGAN), to_rfc3339(BEGAN + GRACE))
    assert details["suspendedAt"] in details["consequence"]
    [owner] = world.cluster.objects["Notification", "n", made.metadata.name]["metadata"]["ownerReferences"]
    assert owner["uid"] == customer.metadata.uid


async def test_who_has_no_accounts_is_told_of_the_loss_and_of_no_suspension(world: World) -> None:
    world.has_accounts = False
    await world.start()
    await world.pays(BEGAN)
    [made] = [each async for each in world.notifications.all("n")]
    assert made.spec.details["consequence"] == "Until that changes, you can't request AWS accounts."
    await world.clock.pass_to(BEGAN + 5 * DAY)
    assert await world.made() == [LOST]
    world.has_accounts = True
    await world.clock.pass_to(BEGAN + 6 * DAY)
    assert await world.made() == [LOST, SOON], "by now there is something that would be suspended"


@pytest.mark.parametrize("days", [0, 4.5, 6.5, 8])
async def test_a_restart_makes_nothing_twice_and_at_rest_writes_nothing(world: World, days: float) -> None:
    await world.pays(BEGAN)
    await world.clock.pass_to(BEGAN + days * DAY)
    await world.start()
    await world.finish()
    tried = world.writes_tried()
    for _ in range(3):
        await world.start()
    assert tried == [], "not even one that is refused because the name is taken"


async def test_two_operators_that_know_nothing_of_each_other_make_one(world: World) -> None:
    await world.pays(BEGAN)
    await world.start()
    [first] = [each.metadata.name async for each in world.notifications.all("n")]
    await world.notifications.delete("n", first)
    await world.start()
    [second] = [each.metadata.name async for each in world.notifications.all("n")]
    assert first == second, "the name is the lock"


@pytest.mark.parametrize(
    ("days", "told"),
    [(3, [LOST]), (5, [SOON]), (6.5, [SOON]), (30, [LOST])],
    ids=["before all reminders", "after the first", "after both", "after the end: never warned, so told of the loss"],
)
async def test_of_what_was_slept_through_only_the_newest_that_means_something_is_made(
    world: World, days: float, told: list[str]
) -> None:
    await world.pays(BEGAN)
    await world.clock.pass_to(BEGAN + days * DAY)
    await world.start()
    assert await world.made() == told


async def test_reminders_that_were_slept_through_are_not_made_after_the_end(world: World) -> None:
    await world.pays(BEGAN)
    await world.start()
    world.stop()
    await world.clock.pass_to(BEGAN + 9 * DAY)
    await world.start()
    assert await world.made() == [LOST]


async def test_who_pays_in_between_hears_no_more_and_the_next_loss_is_told_anew(world: World) -> None:
    await world.start()
    await world.pays(BEGAN)
    await world.pays(None)
    await world.clock.pass_to(BEGAN + 6 * DAY)
    assert await world.made() == [LOST]
    await world.pays(BEGAN + 6 * DAY)
    assert await world.made() == [LOST, LOST]


async def test_what_waits_to_be_sent_is_sent_only_while_it_is_true(world: World) -> None:
    await world.start()
    lost = await world.pays(BEGAN)
    await world.clock.pass_to(BEGAN + 4 * DAY)
    first, soon = [each.spec async for each in world.notifications.all("n")]
    now = BEGAN + 4 * DAY
    assert why_not_to_send(first, lost, GRACE, now) is None
    assert why_not_to_send(soon, lost, GRACE, now) is None
    assert "has passed" in (why_not_to_send(soon, lost, GRACE, BEGAN + GRACE) or "")
    assert "another time" in (why_not_to_send(soon, lost, 8 * DAY, now) or "")
    for other in (await world.pays(None), await world.pays(BEGAN + DAY)):
        assert "can pay again" in (why_not_to_send(first, other, GRACE, now) or "")
    assert why_not_to_send(first, lost, None, now) is not None, "switched off"


async def test_what_was_told_stays_known_for_as_long_as_the_loss_lasts(world: World) -> None:
    await world.start()
    await world.pays(BEGAN)
    [made] = [each async for each in world.notifications.all("n")]
    assert world.notices is not None
    assert world.notices.needs("n", made.metadata.name)
    await world.pays(None)
    assert not world.notices.needs("n", made.metadata.name)
    assert not world.notices.needs("n", "another")


async def test_with_suspension_switched_off_nobody_is_told_of_one(world: World) -> None:
    await world.start(None)
    await world.pays(BEGAN)
    assert await world.made() == []


async def test_kubernetes_refusing_is_tried_again(world: World) -> None:
    await world.start()
    refusals = [TimeoutError(), OSError()]

    def refuse(kind: str, body: dict[str, Any]) -> None:
        if kind == "Notification" and refusals:
            raise refusals.pop()

    world.cluster.before_write = refuse
    await world.pays(BEGAN)
    for number in (1, 2):
        assert await world.made() == []
        await world.clock.pass_to(BEGAN + number * timedelta(seconds=payment_notices.AGAIN_SECONDS))
    assert await world.made() == [LOST]


# --- holds wait for the mail


@pytest.mark.parametrize(
    "outcome", [{"state": "Sent"}, {"state": "Disabled"}, {"error": "SES did not accept the mail."}], ids=str
)
async def test_a_hold_waits_until_the_mail_about_it_was_tried(outcome: dict[str, str]) -> None:
    world = await unpaid_for(8 * DAY)
    await world.start_with_holds()
    assert await world.made() == [LOST]
    assert await world.held() == frozenset()
    await world.finish(**outcome)
    await until(lambda: is_held(world))
    await settled()
    assert await world.made() == [LOST, SUSPENDED]
    await world.finish()
    tried = world.writes_tried()
    await world.start_with_holds()
    assert tried == [], "a restart at rest"
    world.stop()


async def is_held(world: World) -> bool:
    return await world.held() == UNPAID


async def test_a_hold_waits_for_no_mail_longer_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_notices, "LONGEST_WAIT", timedelta(seconds=2))  # creation times are whole seconds
    world = await unpaid_for(8 * DAY)
    await world.start_with_holds()
    assert await world.held() == frozenset()
    await world.clock.pass_to(world.clock.time + timedelta(seconds=2))
    await until(lambda: is_held(world))
    world.stop()


async def test_a_hold_goes_on_where_not_even_the_notification_can_be_made() -> None:
    world = await unpaid_for(8 * DAY)

    def refuse(kind: str, body: dict[str, Any]) -> None:
        if kind == "Notification":
            raise TimeoutError

    world.cluster.before_write = refuse
    await world.start_with_holds()
    assert world.notices is not None
    customer = await world.customers.get("n", "c-1")
    left = world.notices.seconds_to_wait(customer)
    await world.clock.pass_to(world.clock.time + timedelta(minutes=50))
    assert world.notices.seconds_to_wait(customer) == pytest.approx(left - 3000), "the bound does not begin anew"
    await world.clock.pass_to(world.clock.time + timedelta(minutes=11))
    assert world.notices.seconds_to_wait(customer) == 0
    world.stop()


async def test_without_mail_a_hold_waits_for_none() -> None:
    world = await unpaid_for(8 * DAY)
    await world.start_with_holds(is_mail_on=False)
    await until(lambda: is_held(world))
    world.stop()


async def test_who_was_warned_in_time_is_held_at_once() -> None:
    world = await unpaid_for(5 * DAY)
    await world.start()
    await world.finish()
    assert await world.made() == [SOON]
    world.stop()
    world.clock.time = utc_now_exactly() + 2 * DAY
    # The real clock can't be moved: the same loss, as seen by an operator with a shorter grace period.
    notices = PaymentNotices(
        world.notifications, 4 * DAY, is_mail_on=True, has_accounts=world._has_accounts, now=world.clock.now
    )
    holds = CustomerHolds(world.accounts, 4 * DAY, None, notices)
    for each in (notices, holds):
        each.customer_seen(await world.customers.get("n", "c-1"))
    await until(lambda: is_held(world))
    notices.close()
    holds.close()


async def test_blocking_waits_for_no_mail() -> None:
    world = await unpaid_for(8 * DAY)
    await world.customers.merge("n", "c-1", {"spec": {"blocked": True}})
    await world.start_with_holds()
    assert await world.held() == {"CustomerBlocked"}
    world.stop()


async def test_whom_the_breaker_holds_back_is_not_said_to_be_suspended() -> None:
    world = await unpaid_for(8 * DAY)
    await world.start_with_holds(breaker=Breaker(1, 0))
    await world.finish()
    assert await world.held() == frozenset()
    assert await world.made() == [LOST]
    world.stop()


async def test_who_pays_while_the_hold_waits_is_not_held() -> None:
    world = await unpaid_for(8 * DAY)
    await world.start_with_holds()
    await world.pays(None)
    await world.finish()
    assert await world.held() == frozenset()
    assert await world.made() == [LOST]
    world.stop()
