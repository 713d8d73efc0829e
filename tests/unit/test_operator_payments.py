"""A payment method lost suspends after its grace, and opens again when it is back; never without the setting."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

from fakes.factory import NAMESPACE, Factory

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find, is_true
from batteries_operator.payments import Payments
from batteries_operator.settings import Settings

GRACE = timedelta(seconds=0.3)


async def customer(factory: Factory, payment_method: str, ago: timedelta = timedelta()) -> Any:
    """The Customer, as the API server writes it."""
    if ("Customer", NAMESPACE, "c-1") not in factory.cluster.objects:
        await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    status = {"paymentMethod": payment_method, "paymentMethodSince": to_rfc3339(utc_now() - ago)}
    return await factory.customers.merge_status(NAMESPACE, "c-1", {"status": status})


async def until(factory: Factory, holds: Callable[[AwsAccount], bool], name: str = "acme") -> AwsAccount:
    async with asyncio.timeout(5):
        while not holds(account := await factory.account(name)):
            await asyncio.sleep(0.01)
    return account


OWNED: dict[str, Any] = {"email": None, "customerRef": {"name": "c-1"}}


async def test_it_suspends_after_the_grace_and_opens_when_they_can_pay_again(factory: Factory) -> None:
    payments = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    payments.customer_seen(await customer(factory, "valid"))
    process = await factory.active(**OWNED)
    payments.customer_seen(await customer(factory, "missing"))
    await asyncio.sleep(GRACE.total_seconds() / 3)
    assert (await factory.account()).status.hold is None, "within the grace"
    await until(factory, lambda account: account.status.hold is not None)
    suspended = await process.until("acme")
    assert suspended.status.phase == "suspended"
    said = find(suspended.status.conditions, "Ready")
    assert said is not None
    assert said.reason == "PaymentMethodMissing"
    assert "valid payment method" in said.message
    assert not suspended.spec.suspended, "the spec is people's"
    payments.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.status.hold is None)
    assert is_true((await process.until("acme")).status.conditions, "Ready")


async def test_one_that_pays_within_the_grace_notices_nothing(factory: Factory) -> None:
    payments = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "valid")
    await factory.active(**OWNED)
    payments.customer_seen(await customer(factory, "missing"))
    payments.customer_seen(await customer(factory, "valid"))
    writes = len(factory.cluster.writes)
    await asyncio.sleep(2 * GRACE.total_seconds())
    assert len(factory.cluster.writes) == writes


async def test_a_restart_takes_up_where_it_stood_and_a_new_account_shares_its_owners_lot(factory: Factory) -> None:
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    fresh = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    fresh.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.status.hold is not None)
    await factory.add("later", **OWNED)
    fresh.account_seen(await factory.account("later"))
    await until(factory, lambda account: account.status.hold is not None, "later")
    paid = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    paid.account_seen(await factory.account())
    paid.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.status.hold is None)


async def test_what_is_held_is_let_go_when_it_is_switched_off(factory: Factory) -> None:
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    off = Payments(factory.accounts, None)  # type: ignore[arg-type]  # stands for Resources
    assert not off.suspends
    off.account_seen(await factory.account())
    await until(factory, lambda account: account.status.hold is None)


async def test_what_is_not_due_any_more_is_let_go_first(factory: Factory) -> None:
    """The grace was made longer, or the let-go of one who paid was overtaken by the next trouble."""
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    longer = Payments(factory.accounts, timedelta(days=1, seconds=2))  # type: ignore[arg-type]  # stands for Resources
    longer.account_seen(await factory.account())
    longer.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.status.hold is None)
    await until(factory, lambda account: account.status.hold is not None)


async def test_a_start_among_customers_that_pay_looks_at_none_of_their_accounts(factory: Factory) -> None:
    payments = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await factory.add(**OWNED)
    payments.account_seen(await factory.account())
    factory.accounts.all = Mock(side_effect=AssertionError("listed"))  # type: ignore[method-assign]
    payments.customer_seen(await customer(factory, "valid"))
    await asyncio.sleep(0.05)
    factory.accounts.all.assert_not_called()


async def test_accounts_of_others_and_held_ones_cost_no_write(factory: Factory) -> None:
    await factory.add("other")
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    payments = Payments(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    payments.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.status.hold is not None)
    writes = len(factory.cluster.writes)
    payments.account_seen(await factory.account())
    payments.account_seen(await factory.account("other"))
    payments.customer_gone(NAMESPACE, "c-1")
    await asyncio.sleep(0.1)
    assert len(factory.cluster.writes) == writes
    assert (await factory.account("other")).status.hold is None


def test_it_is_off_by_default() -> None:
    assert Settings().suspend_unpaid_seconds == 0
