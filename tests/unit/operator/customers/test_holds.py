"""Accounts are held after the grace period of a missing payment method, and while their Customer is blocked."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from fakes.factory import NAMESPACE, Factory

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.conditions import find, is_true
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.payments import notices
from batteries_operator.runtime.settings import Settings

GRACE = timedelta(seconds=0.3)


async def customer(factory: Factory, payment_method: str, ago: timedelta = timedelta()) -> Any:
    """The Customer, as the API server writes it."""
    if ("Customer", NAMESPACE, "c-1") not in factory.cluster.objects:
        await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    since = to_rfc3339(utc_now_exactly() - ago)
    status: dict[str, str | None] = {"paymentMethod": payment_method, "paymentMethodSince": since}
    status["paymentGraceSince"] = since if payment_method == "missing" else None
    return await factory.customers.merge_status(NAMESPACE, "c-1", {"status": status})


async def until(factory: Factory, holds: Callable[[AwsAccount], bool], name: str = "acme") -> AwsAccount:
    async with asyncio.timeout(5):
        while not holds(account := await factory.account(name)):
            await asyncio.sleep(0.01)
    return account


async def blocked(factory: Factory, is_blocked: bool) -> Any:
    """The Customer, as an administrator blocks it, or not."""
    if ("Customer", NAMESPACE, "c-1") not in factory.cluster.objects:
        await customer(factory, "valid")
    return await factory.customers.merge(NAMESPACE, "c-1", {"spec": {"blocked": is_blocked}})


UNPAID, BLOCKED = frozenset({"PaymentMethodMissing"}), frozenset({"CustomerBlocked"})
OWNED: dict[str, Any] = {"email": None, "customerRef": {"name": "c-1"}}


async def test_it_suspends_after_the_grace_and_opens_when_they_can_pay_again(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    holds.customer_seen(await customer(factory, "valid"))
    process = await factory.active(**OWNED)
    holds.customer_seen(await customer(factory, "missing"))
    await asyncio.sleep(GRACE.total_seconds() / 3)
    assert (await factory.account()).holds == frozenset(), "within the grace"
    await until(factory, lambda account: account.holds == UNPAID)
    suspended = await process.until("acme")
    assert suspended.status.phase == "suspended"
    said = find(suspended.status.conditions, "Ready")
    assert said is not None
    assert said.reason == "PaymentMethodMissing"
    assert "valid payment method" in said.message
    assert not suspended.spec.suspended, "the spec is people's"
    holds.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.holds == frozenset())
    assert is_true((await process.until("acme")).status.conditions, "Ready")


async def test_one_that_pays_within_the_grace_notices_nothing(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "valid")
    await factory.active(**OWNED)
    holds.customer_seen(await customer(factory, "missing"))
    holds.customer_seen(await customer(factory, "valid"))
    writes = len(factory.cluster.writes)
    await asyncio.sleep(2 * GRACE.total_seconds())
    assert len(factory.cluster.writes) == writes


async def test_a_restart_takes_up_where_it_stood_and_a_new_account_shares_its_owners_lot(factory: Factory) -> None:
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    fresh = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    fresh.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.holds == UNPAID)
    await factory.add("later", **OWNED)
    fresh.account_seen(await factory.account("later"))
    await until(factory, lambda account: account.holds == UNPAID, "later")
    paid = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    paid.account_seen(await factory.account())
    paid.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.holds == frozenset())


async def test_what_is_held_is_let_go_when_it_is_switched_off(factory: Factory) -> None:
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    off = CustomerHolds(factory.accounts, None)  # type: ignore[arg-type]  # stands for Resources
    off.account_seen(await factory.account())
    await until(factory, lambda account: account.holds == frozenset())


async def test_what_is_not_due_any_more_is_let_go_first(factory: Factory) -> None:
    """The grace period was extended, or the end of a hold was overtaken by the next loss."""
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    longer = CustomerHolds(factory.accounts, timedelta(days=1, seconds=2))  # type: ignore[arg-type]  # stands for Resources
    longer.account_seen(await factory.account())
    longer.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.holds == frozenset())
    await until(factory, lambda account: account.holds == UNPAID)


async def test_a_start_among_customers_that_pay_looks_at_none_of_their_accounts(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await factory.add(**OWNED)
    holds.account_seen(await factory.account())
    factory.accounts.all = Mock(side_effect=AssertionError("listed"))  # type: ignore[method-assign]
    holds.customer_seen(await customer(factory, "valid"))
    await asyncio.sleep(0.05)
    factory.accounts.all.assert_not_called()


async def test_accounts_of_others_and_held_ones_cost_no_write(factory: Factory) -> None:
    await factory.add("other")
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    holds.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.holds == UNPAID)
    writes = len(factory.cluster.writes)
    holds.account_seen(await factory.account())
    holds.account_seen(await factory.account("other"))
    holds.customer_gone(NAMESPACE, "c-1")
    await asyncio.sleep(0.1)
    assert len(factory.cluster.writes) == writes
    assert (await factory.account("other")).holds == frozenset()


def test_a_week_is_the_usual_grace() -> None:
    assert Settings().suspend_unpaid_seconds == timedelta(days=7).total_seconds()


async def test_a_blocked_customers_accounts_are_held_at_once_and_unblocking_lifts_only_that(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "valid")
    process = await factory.active(**OWNED)
    holds.customer_seen(await customer(factory, "missing", ago=timedelta(days=1)))
    await until(factory, lambda account: account.holds == UNPAID)
    holds.customer_seen(await blocked(factory, True))
    await until(factory, lambda account: account.holds == BLOCKED | UNPAID)
    suspended = await process.until("acme")
    said = find(suspended.status.conditions, "Suspended")
    assert said is not None
    assert said.reason == "CustomerBlocked"
    assert "unblock the Customer, and the owner has to give a valid payment method" in said.message
    holds.customer_seen(await blocked(factory, False))
    await until(factory, lambda account: account.holds == UNPAID)
    assert said_to_be_suspended_for(await process.until("acme")) == "PaymentMethodMissing"
    holds.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.holds == frozenset())
    assert is_true((await process.until("acme")).status.conditions, "Ready")


def said_to_be_suspended_for(account: AwsAccount) -> str:
    condition = find(account.status.conditions, "Suspended")
    assert condition is not None
    return condition.reason


@pytest.mark.parametrize("first", ["block", "loss"])
async def test_paying_opens_nothing_that_is_blocked(factory: Factory, first: str) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await factory.add(**OWNED)
    changes = [lambda: blocked(factory, True), lambda: customer(factory, "missing", ago=timedelta(days=1))]
    for change in changes if first == "block" else reversed(changes):
        holds.customer_seen(await change())
    await until(factory, lambda account: account.holds == BLOCKED | UNPAID)
    holds.customer_seen(await customer(factory, "valid"))
    await until(factory, lambda account: account.holds == BLOCKED)


async def test_an_administrators_suspension_stays_when_the_customer_is_unblocked(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, None)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "valid")
    process = await factory.active(**OWNED)
    holds.customer_seen(await blocked(factory, True))
    await until(factory, lambda account: account.holds == BLOCKED)
    await factory.change("acme", suspended=True)
    assert said_to_be_suspended_for(await process.until("acme")) == "Suspended"
    holds.customer_seen(await blocked(factory, False))
    await until(factory, lambda account: account.holds == frozenset())
    assert (await process.until("acme")).status.phase == "suspended"


def waits_for_the_block(account: AwsAccount) -> bool:
    condition = find(account.status.conditions, "AccountRequested")
    return condition is not None and condition.reason == "CustomerBlocked"


async def test_an_account_of_a_blocked_customer_is_never_asked_for(factory: Factory) -> None:
    """It is reconciled before its hold is written, as by kubectl with a customerRef."""
    await blocked(factory, True)
    await factory.add(**OWNED)
    process = await factory.start()
    account = await process.until("acme", waits_for_the_block)
    assert waits_for_the_block(account)
    assert account.status.create_request is None
    holds = CustomerHolds(factory.accounts, None)  # type: ignore[arg-type]  # stands for Resources
    holds.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    await until(factory, lambda account: account.holds == BLOCKED)
    assert (await process.until("acme")).status.phase == "suspended"
    holds.customer_seen(await blocked(factory, False))
    await until(factory, lambda account: account.holds == frozenset())
    assert is_true((await process.until("acme")).status.conditions, "Ready")


async def test_a_hold_of_a_release_before_counts_and_moves_in_with_the_others(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "missing", ago=timedelta(days=1))
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    assert (await factory.account()).is_suspended
    holds.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    account = await until(factory, lambda account: account.status.hold is None)
    assert account.holds == UNPAID
    writes = len(factory.cluster.writes)
    again = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    again.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    again.account_seen(account)
    await asyncio.sleep(0.1)
    assert len(factory.cluster.writes) == writes, "a restart writes nothing"


async def test_whom_no_grace_period_was_begun_for_is_neither_suspended_nor_opened(factory: Factory) -> None:
    """At an upgrade: the payment method is missing for long, and the API server has not begun the grace period yet."""
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await customer(factory, "missing", ago=timedelta(days=60))
    await factory.customers.merge_status(NAMESPACE, "c-1", {"status": {"paymentGraceSince": None}})
    await factory.add("open", **OWNED)
    await factory.add(**OWNED)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"hold": "PaymentMethodMissing"}})
    holds.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    for name in ("acme", "open"):
        holds.account_seen(await factory.account(name))
    await until(factory, lambda account: account.status.hold is None)
    assert (await factory.account()).holds == UNPAID
    assert (await factory.account("open")).holds == frozenset()
    holds.customer_seen(await customer(factory, "missing"))
    await until(factory, lambda account: account.holds == UNPAID, "open")


async def test_what_a_later_release_holds_for_is_left(factory: Factory) -> None:
    holds = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    await factory.add(**OWNED)
    later = {"SpendLimit": {"since": to_rfc3339(utc_now())}}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"holds": later}})
    holds.customer_seen(await blocked(factory, True))
    await until(factory, lambda account: account.holds == BLOCKED | {"SpendLimit"})
    holds.customer_seen(await blocked(factory, False))
    await until(factory, lambda account: account.holds == {"SpendLimit"})


# --- notices

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("grace", "expected"),
    [
        (7 * DAY, [("PaymentMethodMissing", 0), ("SuspensionSoon", 4), ("SuspensionSoon", 6), ("Suspended", 7)]),
        (3 * DAY, [("PaymentMethodMissing", 0), ("SuspensionSoon", 2), ("Suspended", 3)]),
        (DAY / 2, [("PaymentMethodMissing", 0), ("Suspended", 0.5)]),
        (None, []),
    ],
    ids=str,
)
async def test_the_owner_is_told_before_as_often_as_there_is_time(
    factory: Factory, grace: timedelta | None, expected: list[tuple[str, float]]
) -> None:
    lost = await customer(factory, "missing")
    began = lost.status.payment_grace_since
    told = [(notice.kind.value, (notice.at - began) / DAY) for notice in notices(lost, grace)]
    assert told == expected
    assert list(notices(await customer(factory, "valid"), grace)) == []


async def test_the_hold_of_an_expiry_is_none_of_a_customers_and_lists_nothing_at_a_start(factory: Factory) -> None:
    paying = await customer(factory, "valid")
    await factory.add(**OWNED)
    await factory.accounts.merge_status(
        NAMESPACE, "acme", {"status": {"holds": {"Expired": {"since": "2026-11-24T00:00:00Z"}}}}
    )
    fresh = CustomerHolds(factory.accounts, GRACE)  # type: ignore[arg-type]  # stands for Resources
    listed: list[Any] = []
    listing = factory.accounts.all
    factory.accounts.all = lambda *args, **kwargs: listed.append(args) or listing(*args, **kwargs)  # type: ignore[method-assign, func-returns-value]
    fresh.account_seen(await factory.account())
    fresh.customer_seen(paying)
    await asyncio.sleep(0.1)
    assert listed == []
    fresh.customer_seen(await blocked(factory, is_blocked=True))
    await until(factory, lambda account: account.holds == {"Expired", "CustomerBlocked"})
    fresh.customer_seen(await blocked(factory, is_blocked=False))
    await until(factory, lambda account: account.holds == {"Expired"})
    fresh.close()
