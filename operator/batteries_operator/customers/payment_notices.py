"""Has owners mailed that their payment method is missing, and of the suspension that follows.

It creates Notifications; `mails` sends them. The name of each derives from the Customer, the loss of payment and the
time that it is about, so a repeat creates none twice. They are kept as long as the loss lasts: they are the only record
of what was sent, so a restart forgets nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.customer import Customer
from batteries_crds.kube.client import CONFLICT, UNANSWERED, Resources, tolerated
from batteries_crds.names import API_VERSION
from batteries_crds.notification import Notification, NotificationKind, notification
from batteries_operator.customers.payment_sentences import after_cancellation, closure, consequence
from batteries_operator.customers.payments import (
    PAYMENT_KINDS,
    WARNINGS,
    Notice,
    cancelled_for,
    due_notice,
    is_about_current_loss,
    notices,
)
from batteries_operator.runtime.keyed_tasks import KeyedTasks

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LONGEST_WAIT = timedelta(hours=1)
"""How long a hold waits for the mail about it to be tried."""

LISTS = 4
"""How many Customers' Notifications are listed at the same time."""

AGAIN_SECONDS = 30.0
"""The pause after Kubernetes refused or failed."""

Key = tuple[str, str]


class PaymentNotices:
    """What each Customer was sent about the missing payment method, and what is due."""

    def __init__(
        self,
        notifications: Resources[Notification],
        grace: timedelta | None,
        *,
        close_after: timedelta | None = None,
        is_mail_on: bool,
        has_accounts: Callable[[Key], Awaitable[bool]],
        now: Callable[[], datetime] = utc_now_exactly,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`grace` None: nobody is suspended for a missing payment method, and only a cancellation is told. Without mail
        no hold waits. `close_after`: how long after the suspension accounts are closed; None: never.

        `has_accounts` asks Kubernetes whether the Customer has anything that could be suspended.
        """
        self._notifications = notifications
        self._grace, self._close_after = grace, close_after
        self._is_mail_on = is_mail_on
        self._has_accounts = has_accounts
        self._now, self._sleep = now, sleep
        self._listing = asyncio.Semaphore(LISTS)
        self._customers: dict[Key, Customer] = {}
        self._made: dict[Key, dict[str, Notification]] = {}  # by Customer and name
        self._about: dict[Key, Key] = {}  # each Notification's Customer
        self._held: dict[Key, datetime | None] = {}  # Customers with a held account, and the loss that it is for
        self._waiting: dict[Key, datetime] = {}  # Customers whose holds wait for a mail, and since when
        self._tasks: KeyedTasks[Key] = KeyedTasks()
        self.on_warned: Callable[[Key], None] = lambda customer: None
        """Called with a Customer whose holds need not wait any more."""

    def customer_seen(self, customer: Customer) -> None:
        """Takes in a Customer as it is now."""
        key = customer.metadata.namespace, customer.metadata.name
        before, self._customers[key] = self._customers.get(key), customer
        dates = self._dates(customer)
        if dates == (None, None):
            self._stop(key)
        elif before is None or self._dates(before) != dates or before.metadata.uid != customer.metadata.uid:
            self._stop(key)
            self._plan(key)

    def _dates(self, customer: Customer) -> tuple[datetime | None, datetime | None]:
        return customer.grace_ends(self._grace), cancelled_for(customer)

    def customer_gone(self, namespace: str, name: str) -> None:
        """Takes in that a Customer was deleted; Kubernetes deletes its Notifications."""
        key = namespace, name
        self._customers.pop(key, None)
        self._stop(key)
        for notification_name in self._made.pop(key, {}):
            self._about.pop((namespace, notification_name), None)

    def see(self, made: Notification) -> None:
        """Takes in a Notification as it is now."""
        if made.spec.kind not in PAYMENT_KINDS:
            return
        namespace, name = made.metadata.namespace, made.metadata.name
        key = namespace, made.customer or ""
        self._about[namespace, name] = key
        self._made.setdefault(key, {})[name] = made
        if key in self._waiting and self._is_warned(key):
            del self._waiting[key]
            self.on_warned(key)

    def forget(self, namespace: str, name: str) -> None:
        """Takes in that a Notification is gone."""
        key = self._about.pop((namespace, name), None)
        if key is not None:
            self._made.get(key, {}).pop(name, None)

    def needs(self, namespace: str, name: str) -> bool:
        """Whether that Notification must be kept, as the record of what was sent about a loss that lasts."""
        key = self._about.get((namespace, name))
        if key is None:
            return False
        customer, made = self._customers.get(key), self._made[key][name]
        return customer is None or is_about_current_loss(made.spec, customer)  # None: not seen yet since the start

    def suspended(self, customer: Customer) -> None:
        """Has the suspension mailed, once: an account of the Customer is held for a missing payment method."""
        key, since = (customer.metadata.namespace, customer.metadata.name), customer.status.payment_grace_since
        if key not in self._held or self._held[key] != since:
            self._held[key] = since
            self._plan(key)

    def seconds_to_wait(self, customer: Customer) -> float:
        """How long a new hold of the Customer's accounts waits for the mail that warns of it; 0: no longer.

        `on_warned` is called if the mail is tried earlier than that.
        """
        key = customer.metadata.namespace, customer.metadata.name
        if not self._is_mail_on or self._is_warned(key):
            self._waiting.pop(key, None)
            return 0.0
        began = [each.metadata.creation_timestamp for each in self._warnings(key)]
        known = [moment for moment in began if moment is not None]
        since = max(known) if known else self._waiting.get(key, self._now())
        left = (since + LONGEST_WAIT - self._now()).total_seconds()
        if left <= 0:
            log.warning("held_without_notice", customer="/".join(key), meaning="No mail about it could be tried.")
            self._waiting.pop(key, None)
            return 0.0
        self._waiting.setdefault(key, self._now())
        return left

    def close(self) -> None:
        """Cancels the running tasks."""
        self._tasks.close()

    def _warnings(self, key: Key) -> list[Notification]:
        """The existing warnings about the present loss of payment."""
        customer = self._customers.get(key)
        made = self._made.get(key, {}).values()
        return [
            each
            for each in made
            if customer and each.spec.kind in WARNINGS and is_about_current_loss(each.spec, customer)
        ]

    def _is_warned(self, key: Key) -> bool:
        """Whether a mail that warns of the suspension was sent, or at least tried."""
        return any(each.is_tried for each in self._warnings(key))

    def _stop(self, key: Key) -> None:
        self._held.pop(key, None)
        self._waiting.pop(key, None)
        self._tasks.cancel(key)

    def _plan(self, key: Key) -> None:
        self._tasks.replace(key, self._create_notices(key))

    async def _create_notices(self, key: Key) -> None:
        """Creates the Customer's notices, each when it is due."""
        while (customer := self._customers.get(key)) is not None:
            try:
                async with self._listing:
                    await self._make_due(key, customer)
            except (ApiException, *UNANSWERED) as error:
                log.warning("notice_not_created", customer="/".join(key), error=str(error))
                await self._sleep(AGAIN_SECONDS)
                continue
            ahead = [each.at for each in notices(customer, self._grace) if each.at > self._now()]
            if not ahead:
                return
            await self._sleep((min(ahead) - self._now()).total_seconds())

    async def _make_due(self, key: Key, customer: Customer) -> None:
        """Creates the due notices that do not exist; at most one warns, and one reports the suspension."""
        namespace, name = key
        selector = f"spec.customerRef.name={name}"
        async for made in self._notifications.all(namespace, field_selector=selector, unreadable=lambda _: None):
            self.see(made)
        while (due := self._due(key, customer)) is not None:
            has_accounts = await self._has_accounts(key)
            if due.kind is NotificationKind.SUSPENSION_SOON and not has_accounts:
                return  # nothing would be suspended
            with tolerated(CONFLICT):  # it exists but was not listed: its watch event will show it
                body = self._body(customer, due, has_accounts=has_accounts)
                self.see(await self._notifications.create(namespace, body))
                log.info("notice_created", customer="/".join(key), kind=due.kind)
                continue
            return

    def _due(self, key: Key, customer: Customer) -> Notice | None:
        is_held = key in self._held and self._held[key] == customer.status.payment_grace_since
        made = list(self._made.get(key, {}).values())
        return due_notice(customer, self._grace, made, is_held=is_held, now=self._now())

    def _body(self, customer: Customer, notice: Notice, *, has_accounts: bool) -> dict[str, Any]:
        """The Notification, which is deleted with its Customer."""
        meta, began = customer.metadata, customer.status.payment_grace_since
        since, at, ends = (to_rfc3339(moment) for moment in (began or notice.at, notice.at, notice.suspends_at))
        closes = None if self._close_after is None else to_rfc3339(notice.suspends_at + self._close_after)
        details = {"since": since, "at": at, "suspended_at": ends, "closure": closure(closes)}
        if notice.kind is NotificationKind.PAYMENT_METHOD_MISSING:
            is_over = self._now() >= notice.suspends_at
            details["consequence"] = consequence(ends, closes, is_over=is_over, has_accounts=has_accounts)
        if notice.kind is NotificationKind.SUBSCRIPTION_ENDS:
            suspended_at = None if self._grace is None else ends
            details["consequence"] = after_cancellation(suspended_at, closes, has_accounts=has_accounts)
        body = notification(notice.kind, meta.name, meta.uid, since, at, **details)
        owner = {"apiVersion": API_VERSION, "kind": Customer.definition.kind, "name": meta.name, "uid": meta.uid}
        body["metadata"]["ownerReferences"] = [owner]
        return body
