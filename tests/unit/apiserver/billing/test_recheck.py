"""Which customers are checked at Stripe again, when, and what ends a sweep."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from fakes.api_world import World
from kubernetes.aio.client import ApiException

from batteries_apiserver.billing import reconcile
from batteries_apiserver.billing.reconcile import Reconciler, rechecking
from batteries_apiserver.http.errors import Conflict, Unavailable
from batteries_crds.base import AHEAD_SECONDS, to_rfc3339, utc_now
from batteries_crds.customer import Customer

pytestmark = pytest.mark.virtual_time
EVERY = 3600.0
NOW = utc_now()


class Checks:
    """Stands for what queries Stripe; the first of its errors is raised first."""

    def __init__(self, *errors: Exception | None) -> None:
        self.names: list[str] = []
        self.errors = list(errors)

    async def recheck(self, customer: Customer) -> None:
        self.names.append(customer.metadata.name)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is checked after the same time, in the order of the cache."""
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    monkeypatch.setattr(random, "shuffle", lambda items: None)


def add(world: World, name: str, ago: float | None, **status: Any) -> None:
    at = {} if ago is None else {"paymentMethodCheckedAt": to_rfc3339(NOW - timedelta(seconds=ago))}
    spec: dict[str, Any] = {"email": "a@example.com", "stripeCustomerId": status.pop("stripe", f"cus_{name}")}
    world.add("customers", name, spec, {"paymentMethod": "valid", "cardFingerprints": [], **at, **status})


def reconciler(world: World, checks: Any) -> Reconciler:
    return Reconciler(world.kube, checks, seconds=EVERY, now=lambda: NOW)


@pytest.mark.parametrize(
    ("ago", "status", "due"),
    [
        (EVERY, {}, False),
        (EVERY + 1, {}, True),
        (0, {}, False),
        (None, {}, True),
        (-AHEAD_SECONDS, {}, False),
        (-AHEAD_SECONDS - 1, {}, True),
        (EVERY + 1, {"stripe": None}, False),
        (0, {"cardFingerprints": None}, True),
        (0, {"paymentMethod": "missing"}, True),
        (0, {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(NOW)}, False),
    ],
)
async def test_a_customer_is_due_after_an_interval_or_where_something_lacks(
    world: World, ago: float | None, status: dict[str, Any], due: bool
) -> None:
    add(world, "one", ago, **status)
    checks = Checks()
    assert await reconciler(world, checks).sweep() == due
    assert checks.names == ["one"] * due


async def test_where_nobody_is_suspended_for_not_paying_no_grace_lacks(world: World) -> None:
    world.kube = replace(world.kube, payment_terms=replace(world.kube.payment_terms, grace=None))
    add(world, "one", 0, paymentMethod="missing")
    assert await reconciler(world, Checks()).sweep() == 0


@pytest.mark.parametrize(("chance", "due"), [(0.79, True), (0.81, False)])
async def test_the_interval_is_a_fifth_shorter_for_some(
    world: World, monkeypatch: pytest.MonkeyPatch, chance: float, due: bool
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low if chance < 0.8 else high)
    add(world, "one", EVERY * 0.8 + 1)
    assert await reconciler(world, Checks()).sweep() == due
    add(world, "two", EVERY * 1.2 + 1)
    assert await reconciler(world, Checks()).sweep() == 1 + due


async def test_who_was_checked_by_another_replica_meanwhile_is_left_out(world: World) -> None:
    add(world, "one", None)
    add(world, "two", None)
    add(world, "three", None)

    class Slow(Checks):
        async def recheck(self, customer: Customer) -> None:
            await super().recheck(customer)
            add(world, "two", 0)
            world.forget("customers", "three")

    checks = Slow()
    assert await reconciler(world, checks).sweep() == 1
    assert checks.names == ["one"]


@pytest.mark.parametrize(
    ("error", "checked", "warned"),
    [
        (ApiException(status=404), 2, False),
        (Conflict("customer_name_taken", "Taken."), 2, False),
        (ApiException(status=503), 1, True),
        (ApiException(status=403), 1, True),
        (Unavailable("unavailable", "Down."), 1, True),
        (TimeoutError(), 1, True),
    ],
    ids=repr,
)
async def test_a_sweep_goes_on_after_what_concerns_one_customer_and_ends_with_an_outage(
    world: World, error: Exception, checked: int, warned: bool
) -> None:
    add(world, "one", None)
    add(world, "two", None)
    checks = Checks(error)
    with structlog.testing.capture_logs() as lines:
        done = await reconciler(world, checks).sweep()
    assert len(checks.names) == checked
    assert done == checked - 1
    assert [line["event"] for line in lines] == ["recheck_put_off"] * warned


async def test_the_sweeps_go_on_after_a_bug_twenty_in_an_interval(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, "one", None)
    checks = Checks(RuntimeError("a bug"))
    loop_time = asyncio.get_running_loop().time
    monkeypatch.setattr(reconcile, "Customers", lambda kube, gateway: checks)
    gateway: Any = object()
    async with rechecking(world.kube, gateway, seconds=EVERY):
        begun = loop_time()
        while len(checks.names) < 3:
            await asyncio.sleep(1)
        taken = loop_time() - begun
    assert 3 * EVERY / 20 <= taken <= 3 * EVERY / 20 + 2
    await asyncio.sleep(EVERY)
    assert len(checks.names) == 3, "it ends with the block"


async def test_without_stripe_nobody_is_checked(world: World) -> None:
    add(world, "one", None)
    async with rechecking(world.kube, None, seconds=0.001):
        await asyncio.sleep(1)
