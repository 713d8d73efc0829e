"""Two observations of one customer's payment that overlap, on two replicas: what was asked last is what stays."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources
from kubernetes.aio.client import ApiClient

from batteries_apiserver.billing import customers as module
from batteries_apiserver.billing.customers import Customers, name_of
from batteries_apiserver.billing.standing import Standing
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.runtime.keyed_lock import KeyedLocks
from batteries_apiserver.settings import Settings
from batteries_crds.customer import Customer, PaymentMethod, PaymentReason

pytestmark = pytest.mark.virtual_time
STRIPE_ID = "cus_1"
NAME = name_of(STRIPE_ID)


class Apart(KeyedLocks):
    """Of several processes: nobody waits for the other's turn."""

    def lock(self, name: str) -> asyncio.Lock:
        return asyncio.Lock()


class Stripe:
    """Says at once what is so, and is slow to be heard: each of the first answers comes when it is let go."""

    def __init__(self, can_pay: bool) -> None:
        self.is_so = can_pay
        self.held: list[asyncio.Event] = []
        self.asked = 0

    async def standing(self, customer_id: str) -> Standing:
        answer, self.asked = self.is_so, self.asked + 1
        if self.asked <= 2:
            self.held.append(held := asyncio.Event())
            await held.wait()
        return Standing(PaymentReason.METHOD_ON_FILE if answer else PaymentReason.NO_METHOD)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(2):
            while self.asked < times:
                await asyncio.sleep(0.001)  # so that the next is asked at another time of day


@pytest.fixture
async def kube(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kube]:
    monkeypatch.setattr(module, "_locks", Apart(), raising=False)
    stored: Any = FakeResources(Cluster(), Customer)
    async with ApiClient() as api:
        yield replace(kube_of(api, Settings(namespace="n")), customers=stored)


async def stored(kube: Kube, before: bool) -> Customer:
    """A Customer of whom Stripe said so before, a moment ago."""
    spec = {"email": "a@example.com", "stripeCustomerId": STRIPE_ID}
    await kube.customers.create("n", {"metadata": {"name": NAME}, "spec": spec})
    stripe: Any = Stripe(before)
    stripe.asked = 2
    settled = await Customers(kube, stripe).settle(STRIPE_ID, email=None)
    assert settled is not None
    return settled


async def observe(kube: Kube, stripe: Any, customer: Customer, way: str) -> None:
    if way == "webhook":
        await Customers(kube, stripe).settle(STRIPE_ID, email=None)
    else:
        await Customers(kube, stripe).recheck(customer)


@pytest.mark.parametrize("ways", [("webhook", "webhook"), ("webhook", "poll"), ("poll", "webhook")], ids=" then ".join)
@pytest.mark.parametrize("first", ["older", "newer"])
@pytest.mark.parametrize("before", [True, False], ids=["could pay", "could not"])
@pytest.mark.parametrize("now", [True, False], ids=["can pay", "can not"])
async def test_the_later_question_wins_whichever_answer_comes_first(
    kube: Kube, now: bool, before: bool, first: str, ways: tuple[str, str]
) -> None:
    customer = await stored(kube, before)
    stripe = Stripe(not now)
    async with asyncio.timeout(2), asyncio.TaskGroup() as group:
        older = group.create_task(observe(kube, stripe, customer, ways[0]))
        await stripe.until_asked(1)
        stripe.is_so = now
        newer = group.create_task(observe(kube, stripe, customer, ways[1]))
        await stripe.until_asked(2)
        order = [(stripe.held[0], older), (stripe.held[1], newer)]
        for held, task in order if first == "older" else reversed(order):
            held.set()
            await task
    after = await kube.customers.get("n", NAME)
    assert after.status.payment_method is (PaymentMethod.VALID if now else PaymentMethod.MISSING)


async def test_in_one_process_they_take_turns_so_that_any_number_succeeds(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_locks", KeyedLocks())
    await stored(kube, True)

    class Slow(Stripe):
        async def standing(self, customer_id: str) -> Standing:
            self.asked += 1
            await asyncio.sleep(0)
            return Standing(PaymentReason.METHOD_ON_FILE)

    stripe: Any = Slow(True)
    customers = [Customers(kube, stripe) for _ in range(20)]
    settled = await asyncio.gather(*(each.settle(STRIPE_ID, email=None) for each in customers))
    assert {one.status.payment_method for one in settled if one} == {PaymentMethod.VALID}
    assert stripe.asked == 20
