"""When holds are tried again, and that a Customer at rest costs no list of its accounts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.runtime.keyed_tasks import KeyedTasks

GRACE = timedelta(days=7)


class World:
    """One Customer with an account, and how often its accounts were listed."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.customers = FakeResources(self.cluster, Customer)
        self.accounts = FakeResources(self.cluster, AwsAccount)
        self.listed: list[float] = []
        self.refusals = 0
        every = self.accounts.all

        def counted(*arguments: Any, **more: Any) -> Any:
            self.listed.append(asyncio.get_running_loop().time())
            if len(self.listed) <= self.refusals:
                raise ApiException(status=500)
            return every(*arguments, **more)

        self.accounts.all = counted  # type: ignore[method-assign]
        self.holds = CustomerHolds(cast(Any, self.accounts), GRACE)

    async def change(self, *, blocked: bool) -> None:
        if ("Customer", "n", "c-1") not in self.cluster.objects:
            await self.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "a@b.com"}})
            await self.accounts.create("n", {"metadata": {"name": "acme"}, "spec": {"customerRef": {"name": "c-1"}}})
        self.holds.customer_seen(await self.customers.merge("n", "c-1", {"spec": {"blocked": blocked}}))
        await asyncio.sleep(0.1)

    async def held(self) -> frozenset[str]:
        found: AwsAccount = await self.accounts.get("n", "acme")
        return found.holds


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    made.holds.close()


async def test_what_kubernetes_refuses_is_tried_again_after_half_a_minute(world: World) -> None:
    world.refusals = 2
    await world.change(blocked=True)
    await asyncio.sleep(100)
    assert [round(each - world.listed[0]) for each in world.listed] == [0, 30, 60]
    assert await world.held() == {"CustomerBlocked"}


async def test_once_its_holds_are_lifted_a_customers_accounts_are_not_listed_again(world: World) -> None:
    await world.change(blocked=True)
    await world.change(blocked=False)
    assert await world.held() == frozenset()
    listed = len(world.listed)
    since = to_rfc3339(utc_now())
    status = {"paymentMethod": "missing", "paymentGraceSince": since}
    world.holds.customer_seen(await world.customers.merge_status("n", "c-1", {"status": status}))
    await asyncio.sleep(3600)
    assert len(world.listed) == listed, "nothing is due yet"
    await asyncio.sleep(GRACE.total_seconds())
    assert await world.held() == {"PaymentMethodMissing"}


async def test_a_task_of_a_key_runs_until_it_is_done_replaced_or_cancelled() -> None:
    tasks: KeyedTasks[str] = KeyedTasks()
    ended: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append(f"{name} cancelled")
            raise
        ended.append(name)

    assert not tasks.is_running("a")
    tasks.replace("a", work("first", 10))
    tasks.replace("b", work("other", 30))
    await asyncio.sleep(1)
    assert tasks.is_running("a")
    tasks.replace("a", work("second", 10))
    await asyncio.sleep(1)
    assert ended == ["first cancelled"]
    assert tasks.is_running("a")
    await asyncio.sleep(10)
    assert (ended, tasks.is_running("a")) == (["first cancelled", "second"], False)
    tasks.cancel("b")
    tasks.cancel("never there")
    await asyncio.sleep(1)
    assert (ended[-1], tasks.is_running("b")) == ("other cancelled", False)
    tasks.replace("c", work("third", 10))
    await asyncio.sleep(1)
    tasks.close()
    await asyncio.sleep(1)
    assert ended[-1] == "third cancelled"


async def unpaid(world: World, ago: timedelta) -> None:
    """The Customer's payment method has been missing for so long."""
    await world.change(blocked=False)
    status = {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(utc_now() - ago)}
    world.holds.customer_seen(await world.customers.merge_status("n", "c-1", {"status": status}))
    await asyncio.sleep(0.1)


async def test_a_customer_who_is_gone_is_followed_no_more(world: World) -> None:
    await unpaid(world, timedelta())
    world.holds.customer_gone("n", "c-1")
    await asyncio.sleep(2 * GRACE.total_seconds())
    assert (await world.held(), world.listed) == (frozenset(), [])
    world.holds.account_seen(await world.accounts.get("n", "acme"))
    await asyncio.sleep(1)
    assert world.listed == [], "what was known of the Customer is forgotten"


async def test_the_account_of_a_customer_who_is_gone_keeps_its_holds(world: World) -> None:
    await world.change(blocked=True)
    world.holds.customer_gone("n", "c-1")
    listed = len(world.listed)
    world.holds.account_seen(await world.accounts.get("n", "acme"))
    await asyncio.sleep(1)
    assert (await world.held(), len(world.listed)) == (frozenset({"CustomerBlocked"}), listed)


async def test_when_the_operator_ends_nobody_is_held_any_more(world: World) -> None:
    await unpaid(world, timedelta())
    world.holds.close()
    await asyncio.sleep(2 * GRACE.total_seconds())
    assert (await world.held(), world.listed) == (frozenset(), [])


async def test_a_restored_breaker_forgets_a_customer_who_is_gone() -> None:
    forgotten: list[tuple[str, str]] = []
    breaker = SimpleNamespace(forget=lambda namespace, name: forgotten.append((namespace, name)))
    accounts: Any = FakeResources(Cluster(), AwsAccount)
    CustomerHolds(accounts, GRACE, cast(Any, breaker)).customer_gone("n", "c-1")
    CustomerHolds(accounts, GRACE).customer_gone("n", "c-1")
    assert forgotten == [("n", "c-1")]


@pytest.mark.parametrize("status", [404, 409])
async def test_an_account_that_was_deleted_or_changed_meanwhile_keeps_no_other_waiting(
    world: World, status: int
) -> None:
    await world.change(blocked=False)
    await world.accounts.create("n", {"metadata": {"name": "second"}, "spec": {"customerRef": {"name": "c-1"}}})
    write, asked = world.accounts.merge_status, list[str]()

    async def refused(namespace: str, name: str, body: Any) -> AwsAccount:
        asked.append(name)
        if name == "acme":
            raise ApiException(status=status)
        found: AwsAccount = await write(namespace, name, body)
        return found

    world.accounts.merge_status = refused  # type: ignore[method-assign]
    await world.change(blocked=True)
    await asyncio.sleep(100)
    assert asked == ["acme", "second"], "neither is tried again by itself: the watch shows what became of it"
    assert (await world.accounts.get("n", "second")).holds == {"CustomerBlocked"}


async def test_a_write_that_kubernetes_refuses_is_tried_again(world: World) -> None:
    await world.change(blocked=False)
    write, failures = world.accounts.merge_status, 1

    async def refused(namespace: str, name: str, body: Any) -> AwsAccount:
        nonlocal failures
        if failures:
            failures -= 1
            raise ApiException(status=503)
        found: AwsAccount = await write(namespace, name, body)
        return found

    world.accounts.merge_status = refused  # type: ignore[method-assign]
    await world.change(blocked=True)
    assert await world.held() == frozenset()
    await asyncio.sleep(30)
    assert await world.held() == {"CustomerBlocked"}


class Notices:
    """The mails about a missing payment method: how long one is waited for, and whose suspension was said."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.said = seconds, list[str]()
        self.on_warned: Any = None

    def seconds_to_wait(self, customer: Customer) -> float:
        return self.seconds

    def suspended(self, customer: Customer) -> None:
        self.said.append(customer.metadata.name)


async def noticed(seconds: float) -> tuple[World, Notices]:
    """A world whose Customer is to be held, once a mail was tried."""
    world, notices = World(), Notices(seconds)
    world.holds = CustomerHolds(cast(Any, world.accounts), GRACE, None, cast(Any, notices))
    await unpaid(world, GRACE + timedelta(days=1))
    return world, notices


async def test_without_a_wait_for_a_mail_the_hold_begins_and_is_said_at_once() -> None:
    world, notices = await noticed(0)
    assert (await world.held(), notices.said) == (frozenset({"PaymentMethodMissing"}), ["c-1"])
    await asyncio.sleep(3600)
    assert len(world.listed) == 1, "it is not looked at again"
    world.holds.close()


async def test_a_hold_waits_for_its_mail_as_long_as_the_mail_is_waited_for() -> None:
    world, notices = await noticed(50)
    assert (await world.held(), notices.said) == (frozenset(), [])
    await asyncio.sleep(49)
    assert len(world.listed) == 1
    notices.seconds = 0
    await asyncio.sleep(1)
    assert (await world.held(), notices.said, len(world.listed)) == (frozenset({"PaymentMethodMissing"}), ["c-1"], 2)
    await asyncio.sleep(3600)
    assert len(world.listed) == 2, "and not every fifty seconds from then on"
    world.holds.close()


async def test_a_block_waits_for_no_mail() -> None:
    world, notices = World(), Notices(50)
    world.holds = CustomerHolds(cast(Any, world.accounts), GRACE, None, cast(Any, notices))
    await world.change(blocked=True)
    assert (await world.held(), notices.said) == (frozenset({"CustomerBlocked"}), [])
    await asyncio.sleep(3600)
    assert len(world.listed) == 1
    world.holds.close()


async def test_an_end_of_the_grace_in_this_moment_is_an_end(world: World) -> None:
    await unpaid(world, GRACE)
    await asyncio.sleep(1)
    assert await world.held() == {"PaymentMethodMissing"}
