"""Holds the accounts of a Customer that is blocked, or whose payment method has been missing for the whole grace
period.

The operator never writes a spec, so a hold is in each account's status, and the pipeline treats it like
`spec.suspended`. Each hold has its own reason and is lifted by itself when its reason is gone: unblocking opens no
account that is not paid for. The accounts of a deleted Customer stay as they are. Everything is decided again from the
objects, so a restart forgets nothing.
"""

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CUSTOMER_HOLDS, Hold
from batteries_crds.base import to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.customer import Customer
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, status_of
from batteries_operator.customers.payment_notices import PaymentNotices
from batteries_operator.customers.payments import due_holds, is_undecided
from batteries_operator.customers.suspension_breaker import SuspensionBreaker
from batteries_operator.customers.unpaid_closures import UnpaidClosures, sets_time
from batteries_operator.runtime.keyed_tasks import KeyedTasks

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LISTS = 4
"""How many Customers' accounts are listed at the same time: after an outage at Stripe many may be due together."""

AGAIN_SECONDS = 30.0
"""The pause after Kubernetes refused or failed."""

STOPPED_SECONDS = 600.0
"""The pause before the breaker is asked again: most of those that were due together may be able to pay again."""

Key = tuple[str, str]


class CustomerHolds:
    """The holds that each Customer's accounts should have, and those that they have."""

    def __init__(
        self,
        accounts: Resources[AwsAccount],
        grace: timedelta | None,
        breaker: SuspensionBreaker | None = None,
        notices: PaymentNotices | None = None,
        closures: UnpaidClosures | None = None,
    ) -> None:
        """`grace` None: nobody is suspended for a missing payment method, and existing holds for it are lifted.

        `breaker` stops new holds if too many would begin at the same time; existing holds stay. With `notices` no hold
        for a missing payment method begins before the mail about it was tried. With `closures` such a hold says when
        AWS closes the account.
        """
        self._accounts = accounts
        self._grace = grace
        self._breaker = breaker
        self._notices = notices
        self._closures = closures
        if notices is not None:
            notices.on_warned = self._plan
        self._listing = asyncio.Semaphore(LISTS)
        self._held: set[Key] = set()  # Customers that may have an account with a hold
        self._again: dict[Key, float] = {}  # Customers that are due and not held yet: seconds until the next try
        self._customers: dict[Key, Customer] = {}
        self._tasks: KeyedTasks[Key] = KeyedTasks()

    def customer_seen(self, customer: Customer) -> None:
        """Takes in a Customer as it is now."""
        key = customer.metadata.namespace, customer.metadata.name
        before, self._customers[key] = self._customers.get(key), customer
        if before is not None:
            if _facts(before) != _facts(customer):
                self._plan(key)
        # After a start, most of a thousand Customers can pay and have no holds: their accounts need not be listed.
        elif key in self._held or customer.spec.blocked or customer.grace_ends(self._grace) is not None:
            self._plan(key)

    def customer_gone(self, namespace: str, name: str) -> None:
        """Takes in that a Customer was deleted; its accounts stay as they are."""
        self._customers.pop((namespace, name), None)
        self._again.pop((namespace, name), None)
        if self._breaker is not None:
            self._breaker.forget(namespace, name)
        if self._closures is not None:
            self._closures.forget(namespace, name)
        self._tasks.cancel((namespace, name))

    def account_seen(self, account: AwsAccount) -> None:
        """Takes in an account as it is now: it may be newer than its Customer's state, or held since before a
        restart.
        """
        if account.spec.customer_ref is None:
            return
        key = account.metadata.namespace, account.spec.customer_ref.name
        if account.holds & CUSTOMER_HOLDS or account.status.hold is not None:
            self._held.add(key)
        if self._change(key, account):
            self._plan(key)

    def close(self) -> None:
        """Cancels the running tasks."""
        self._tasks.close()

    def _wanted(self, key: Key, has: frozenset[str]) -> frozenset[str]:
        """The holds that an account of that Customer should have, given those that it has."""
        customer = self._customers.get(key)
        if customer is None:  # not seen yet, or deleted
            return has - {Hold.PAYMENT_METHOD_MISSING} if self._grace is None else has
        due: frozenset[str] = due_holds(customer, self._grace, utc_now_exactly())
        if is_undecided(customer, self._grace):
            due |= has & {Hold.PAYMENT_METHOD_MISSING}
        return due | (has - CUSTOMER_HOLDS)  # an expiry's, or a later release's: not ours to lift

    def _change(
        self, key: Key, account: AwsAccount, stopped: frozenset[str] = frozenset(), *, closes: bool = True
    ) -> dict[str, Any]:
        """The merge patch of the account's status with the holds that it should have; empty if it has them.

        `closes` False: no hold gets a time of closure that it has not.
        """
        has = account.holds
        wanted, status = self._wanted(key, has), account.status
        wanted -= stopped - has
        begun = {"since": to_rfc3339(utc_now())}
        patch: dict[str, Any] = {reason: begun for reason in wanted - status.holds.keys()}
        patch |= dict.fromkeys(status.holds.keys() - wanted)
        if self._closures is not None and Hold.PAYMENT_METHOD_MISSING in wanted:
            patch |= self._closures.change(account, patch, begins=closes and self._is_due(key))
        # An earlier release wrote its single hold to `hold`; it moves to the others.
        moved = {"hold": None} if status.hold is not None else {}
        return {**({"holds": patch} if patch else {}), **moved}

    def _is_due(self, key: Key) -> bool:
        customer = self._customers.get(key)
        return customer is not None and Hold.PAYMENT_METHOD_MISSING in due_holds(
            customer, self._grace, utc_now_exactly()
        )

    def _plan(self, key: Key) -> None:
        self._tasks.replace(key, self._follow(key))

    async def _follow(self, key: Key) -> None:
        """Writes the Customer's accounts' holds now, and again when its grace period ends."""
        while True:
            customer = self._customers.get(key)
            due = customer is not None and due_holds(customer, self._grace, utc_now_exactly())
            if due:
                self._held.add(key)
            if key in self._held:
                await self._apply(key)
            if not due and (customer is None or not is_undecided(customer, self._grace)):
                self._held.discard(key)
            ends = None if customer is None else customer.grace_ends(self._grace)
            left = None if ends is None else (ends - utc_now_exactly()).total_seconds()
            if left is not None and left <= 0:
                left = self._again.get(key)
            if left is None or left <= 0:
                return
            await asyncio.sleep(left)

    async def _apply(self, key: Key) -> None:
        """Returns when each of the Customer's accounts has its holds."""
        while True:
            try:
                async with self._listing:
                    return await self._write(key)
            except (ApiException, UnreadableError, *UNANSWERED) as error:
                log.warning("hold_not_written", customer="/".join(key), error=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _ask_breaker(self, key: Key) -> frozenset[Hold]:
        """The reasons for which no new hold of the Customer's accounts may begin."""
        customer = self._customers.get(key)
        stopped: frozenset[Hold] = frozenset()
        if self._breaker is not None and customer is not None:
            stopped = await self._breaker.stops(customer)
        if stopped:
            self._again[key] = STOPPED_SECONDS
        return stopped

    def _has_to_wait(self, key: Key, account: AwsAccount) -> bool:
        """Whether a new hold for a missing payment method must wait, because the owner's mail was not tried yet."""
        customer, reason = self._customers.get(key), Hold.PAYMENT_METHOD_MISSING
        if self._notices is None or customer is None or reason not in self._wanted(key, account.holds) - account.holds:
            return False
        seconds = self._notices.seconds_to_wait(customer)
        if seconds > 0:
            self._again[key] = seconds
        return seconds > 0

    def _report_suspended(self, key: Key) -> None:
        """Has the suspension mailed, if an account of the Customer is held for a missing payment method and stays
        so.
        """
        customer = self._customers.get(key)
        if self._notices is not None and customer is not None and self._is_due(key):
            self._notices.suspended(customer)

    async def _write(self, key: Key) -> None:
        namespace, name = key
        self._again.pop(key, None)
        stopped = await self._ask_breaker(key)
        async for account in self._accounts.all(namespace, field_selector=f"spec.customerRef.name={name}"):
            if not stopped and self._has_to_wait(key, account):
                stopped = frozenset({Hold.PAYMENT_METHOD_MISSING})
            closes = await self._may_close(key, account, stopped)
            if Hold.PAYMENT_METHOD_MISSING in await self._write_one(key, account, stopped, closes=closes):
                self._report_suspended(key)

    async def _may_close(self, key: Key, account: AwsAccount, stopped: frozenset[Hold]) -> bool:
        """Whether a time of closure may be written for the account that it has not yet."""
        without = self._change(key, account, stopped, closes=False)
        if self._closures is None or self._change(key, account, stopped) == without:
            return True  # nothing to ask for
        customer = self._customers.get(key)
        may = customer is not None and await self._closures.may_begin(customer, utc_now_exactly())
        if not may:
            self._again[key] = STOPPED_SECONDS
        return may

    async def _write_one(
        self, key: Key, account: AwsAccount, stopped: frozenset[Hold], *, closes: bool = True
    ) -> frozenset[str]:
        """Writes the holds that the account should have, and returns those that it has then."""
        change = self._change(key, account, stopped, closes=closes)
        if not change:
            return account.holds
        # A closure's time is counted from now, so of two operators only one may set it.
        fence = {"resourceVersion": account.metadata.resource_version} if sets_time(change) else {}
        try:
            written = await self._accounts.merge_status(
                key[0], account.metadata.name, {"metadata": fence, "status": change}
            )
        except ApiException as error:
            if status_of(error) not in (NOT_FOUND, CONFLICT):
                raise
            return account.holds
        log.info("holds_changed", account=str(account.account_id), customer=key[1], holds=sorted(written.holds))
        return written.holds


def _facts(customer: Customer) -> tuple[object, ...]:
    """The parts of a Customer that decide about its accounts."""
    status = customer.status
    return customer.spec.blocked, status.payment_method, status.payment_grace_since
