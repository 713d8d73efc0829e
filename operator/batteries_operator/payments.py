"""Suspends the accounts of a Customer whose payment method is lost, after a grace period; off by default.

The API server notes on the Customer since when the payment method is missing. The operator never writes a spec, so
the hold stands in each account's status, and the runbook treats it like `spec.suspended`. It is lifted as soon as the
Customer can pay again, or as this is switched off: nobody else would. Of a Customer that is deleted the accounts
stay as they are. Everything is decided anew from the objects, so a restart forgets nothing.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.base import utc_now
from batteries_crds.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, status_of
from batteries_crds.customer import Customer, PaymentMethod

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LISTS = 4
"""How many Customers' accounts are listed at one time: after an outage of Stripe's they may be due together."""

AGAIN_SECONDS = 30.0
"""After Kubernetes refused or failed."""

Key = tuple[str, str]


class Payments:
    """Knows of each Customer what its accounts should be, and of each account what it is."""

    def __init__(self, accounts: Resources[AwsAccount], grace: timedelta | None) -> None:
        """`grace` None: nothing is suspended, and what is held is let go."""
        self._accounts = accounts
        self._grace = grace
        self._listing = asyncio.Semaphore(LISTS)
        self._held: set[Key] = set()
        self._customers: dict[Key, Customer] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    @property
    def suspends(self) -> bool:
        """Whether it is switched on, and Customers are to be shown to it."""
        return self._grace is not None

    def customer_seen(self, customer: Customer) -> None:
        """A Customer as it is now."""
        key = customer.metadata.namespace, customer.metadata.name
        before, self._customers[key] = self._customers.get(key), customer
        # Of a thousand that a start shows, most can pay and have nothing held: those need no look at their accounts.
        since = None if before is None else _missing_since(before)
        if since != _missing_since(customer) or (before is None and key in self._held):
            self._plan(key)

    def customer_gone(self, namespace: str, name: str) -> None:
        """A Customer was deleted; its accounts stay as they are."""
        self._customers.pop((namespace, name), None)
        if (task := self._tasks.pop((namespace, name), None)) is not None:
            task.cancel()

    def account_seen(self, account: AwsAccount) -> None:
        """An account as it is now: one that came later than its owner's trouble, or that a restart finds held."""
        if account.spec.customer_ref is None:
            return
        key = account.metadata.namespace, account.spec.customer_ref.name
        is_held = account.status.hold is not None
        if is_held:
            self._held.add(key)
        if self.suspends and key not in self._customers:
            return  # whether they can pay is not known, or never will be
        left = self._left(key)
        if is_held != (left is not None and left <= 0):
            self._plan(key)

    def close(self) -> None:
        """Ends what is waiting."""
        for task in self._tasks.values():
            task.cancel()

    def _left(self, key: Key) -> float | None:
        """Seconds until the Customer's accounts are to be held, none or fewer where that is now; None where never."""
        customer = self._customers.get(key)
        since = None if customer is None else _missing_since(customer)
        return None if since is None or self._grace is None else (since + self._grace - utc_now()).total_seconds()

    def _plan(self, key: Key) -> None:
        if (running := self._tasks.get(key)) is not None:
            running.cancel()
        self._tasks[key] = asyncio.create_task(self._carry_out(key))

    async def _carry_out(self, key: Key) -> None:
        left = self._left(key)
        if left is None or (left > 0 and key in self._held):  # from before they could pay, or of a shorter grace
            await self._have(key, None)
            self._held.discard(key)
        if left is not None:
            await asyncio.sleep(left)
            await self._have(key, Hold.PAYMENT_METHOD_MISSING)

    async def _have(self, key: Key, hold: Hold | None) -> None:
        """Returns when each of the Customer's accounts has this hold."""
        while True:
            try:
                async with self._listing:
                    await self._hold(key, hold)
            except (ApiException, UnreadableError, *UNANSWERED) as error:
                log.warning("hold not written; again soon", customer="/".join(key), error=str(error))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _hold(self, key: Key, hold: Hold | None) -> None:
        """Writes the hold on, or takes it off, each of the Customer's accounts that has it otherwise."""
        namespace, name = key
        selector = f"spec.customerRef.name={name}"
        async for account in self._accounts.all(namespace, field_selector=selector):
            if account.status.hold is hold:
                continue
            body = {"status": {"hold": hold.value if hold else None}}
            try:
                await self._accounts.merge_status(namespace, account.metadata.name, body)
            except ApiException as error:
                if status_of(error) not in (NOT_FOUND, CONFLICT):
                    raise
            else:
                log.info("hold changed", account=str(account.account_id), customer=name, hold=hold)


def _missing_since(customer: Customer) -> datetime | None:
    status = customer.status
    return status.payment_method_since if status.payment_method is PaymentMethod.MISSING else None
