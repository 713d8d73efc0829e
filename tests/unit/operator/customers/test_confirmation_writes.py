"""Into which accounts a Customer's confirmed address is written, and what ends or repeats that."""

import asyncio
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources, Json
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_operator.customers.confirmations import Confirmations

OWNER = "ada@example.com"
WAITS = {"steps": {"setup_sso_access": {"waived": True}}}


class World:
    """A cluster, and what follows its confirmations; the watch is the test's."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.accounts = FakeResources(self.cluster, AwsAccount)
        self.customers = FakeResources(self.cluster, Customer)
        self.confirmations = Confirmations(cast(Any, self.accounts))
        self.tries = 0

    async def account(
        self, name: str = "acme", status: Json | None = None, customer: str = "c-1", **metadata: Any
    ) -> AwsAccount:
        body = {"metadata": {"name": name}, "spec": {"customerRef": {"name": customer}}}
        await self.accounts.create("n", body)
        raw = self.cluster.objects["AwsAccount", "n", name]
        raw["status"] = WAITS if status is None else status
        raw["metadata"] |= metadata
        found: AwsAccount = await self.accounts.get("n", name)
        return found

    async def customer(self, name: str = "c-1", **spec: Any) -> Customer:
        await self.customers.create("n", {"metadata": {"name": name}, "spec": {"email": OWNER, **spec}})
        found: Customer = await self.customers.get("n", name)
        return found

    async def confirmed(self, name: str = "c-1") -> Customer:
        return await self.customer(name, confirmedEmail=OWNER)

    async def written(self, name: str = "acme") -> str | None:
        await asyncio.sleep(0.1)
        return (await self.accounts.get("n", name)).status.confirmed_email

    def refuse(self, status: int, times: int = 1_000) -> None:
        def before(kind: str, body: Json) -> None:
            self.tries += 1
            if self.tries <= times:
                raise ApiException(status=status)

        self.cluster.before_write = before


@pytest.fixture
async def world() -> Any:
    made = World()
    yield made
    made.confirmations.close()


@pytest.mark.parametrize("customer_first", [True, False])
async def test_an_account_that_waits_is_told_whatever_is_seen_first(world: World, customer_first: bool) -> None:
    account, customer = await world.account(), await world.confirmed()
    for seen in (customer, account) if customer_first else (account, customer):
        if isinstance(seen, Customer):
            world.confirmations.customer_seen(seen)
        else:
            world.confirmations.account_seen(seen)
    assert await world.written() == OWNER
    world.confirmations.account_seen(await world.accounts.get("n", "acme"))
    await asyncio.sleep(1)
    assert len([verb for verb, *_ in world.cluster.writes if verb == "status"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"status": {}},
        {"status": {"steps": {"setup_sso_access": {"waived": False}}}},
        {"status": {"steps": {"move_to_ou": {"waived": True}}}},
        {"customer": "c-2"},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
    ],
    ids=["no record", "not waived", "another step", "another customer's", "deleted"],
)
async def test_an_account_that_does_not_wait_for_this_customer_is_left_alone(
    world: World, other: dict[str, Any]
) -> None:
    world.confirmations.account_seen(await world.account(**other))
    world.confirmations.customer_seen(await world.confirmed())
    assert await world.written() is None


async def test_an_account_of_nobody_is_no_matter(world: World) -> None:
    await world.accounts.create("n", {"metadata": {"name": "acme"}, "spec": {"email": OWNER}})
    world.confirmations.account_seen(await world.accounts.get("n", "acme"))
    world.confirmations.customer_seen(await world.confirmed())
    assert await world.written() is None


async def test_an_account_that_does_not_wait_any_more_is_not_told(world: World) -> None:
    world.confirmations.account_seen(await world.account())
    world.cluster.objects["AwsAccount", "n", "acme"]["status"] = {}
    world.confirmations.account_seen(await world.accounts.get("n", "acme"))
    world.confirmations.customer_seen(await world.confirmed())
    assert await world.written() is None


async def test_an_address_that_is_confirmed_no_more_is_told_to_no_later_account(world: World) -> None:
    world.confirmations.customer_seen(await world.confirmed())
    changed = await world.customers.merge("n", "c-1", {"spec": {"email": "new@example.com"}})
    world.confirmations.customer_seen(changed)
    world.confirmations.account_seen(await world.account())
    assert await world.written() is None


async def test_a_customer_that_is_gone_tells_nothing(world: World) -> None:
    world.confirmations.customer_seen(await world.confirmed())
    world.confirmations.customer_gone("n", "c-1")
    world.confirmations.account_seen(await world.account())
    assert await world.written() is None


async def test_all_of_its_accounts_are_told_and_those_of_others_are_not(world: World) -> None:
    for name, customer in (("one", "c-1"), ("two", "c-1"), ("three", "c-2")):
        world.confirmations.account_seen(await world.account(name, customer=customer))
    world.confirmations.customer_seen(await world.confirmed())
    world.confirmations.customer_seen(await world.customer("c-2"))
    assert [await world.written(name) for name in ("one", "two", "three")] == [OWNER, OWNER, None]


@pytest.mark.parametrize("status", [404, 409])
async def test_an_account_that_is_gone_or_was_written_meanwhile_is_tried_once(world: World, status: int) -> None:
    world.confirmations.account_seen(await world.account())
    customer = await world.confirmed()
    world.refuse(status)
    world.confirmations.customer_seen(customer)
    await asyncio.sleep(60)
    assert world.tries == 1


@pytest.mark.parametrize("status", [403, 500])
async def test_another_refusal_is_no_reason_to_end_the_others(world: World, status: int) -> None:
    for name in ("one", "two"):
        world.confirmations.account_seen(await world.account(name))
    customer = await world.confirmed()
    world.refuse(status, times=1)
    world.confirmations.customer_seen(customer)
    await asyncio.sleep(9)
    assert world.tries == 1, "it rests for ten seconds"
    await asyncio.sleep(2)
    assert await world.written("two") == OWNER


async def test_a_customer_that_nobody_has_seen_may_go(world: World) -> None:
    world.confirmations.customer_gone("n", "c-1")
    world.confirmations.customer_seen(await world.customer())
    world.confirmations.account_seen(await world.account("one", status={}))
    assert world.cluster.objects["AwsAccount", "n", "one"]["status"] == {}


async def test_the_accounts_of_a_customer_are_told_one_after_the_other_and_never_twice_at_once(world: World) -> None:
    world.confirmations.customer_seen(await world.confirmed())
    account = await world.account()
    for _ in range(3):
        world.confirmations.account_seen(account)
    await asyncio.sleep(1)
    assert len([verb for verb, *_ in world.cluster.writes if verb == "status"]) == 1


async def test_one_that_does_not_wait_beside_one_that_does_changes_nothing_for_that(world: World) -> None:
    world.confirmations.account_seen(await world.account("one"))
    world.confirmations.account_seen(await world.account("two", status={}))
    world.confirmations.customer_seen(await world.confirmed())
    assert [await world.written(name) for name in ("one", "two")] == [OWNER, None]


async def test_nothing_is_written_after_the_end(world: World) -> None:
    world.confirmations.account_seen(await world.account())
    world.confirmations.customer_seen(await world.confirmed())
    world.confirmations.close()
    assert await world.written() is None
