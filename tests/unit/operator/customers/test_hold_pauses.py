"""When holds are tried again, and that a Customer at rest costs no list of its accounts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
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
