"""When AWS closes accounts that are suspended for a missing payment method: a time in the hold, which others act on.

The time runs from the moment when it is written, so an account that was suspended long before closures were turned on
gets the whole of it. It only moves to later: `deadlines` moves it where the owner could not be told in time, and a
longer setting does. A circuit breaker writes none while too many customers' accounts would be closed at the same time;
it decides from the objects, so a restart, or another operator, decides the same.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold, HoldRecord
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_crds.names import Phase
from batteries_operator.customers.held_back import HeldBack
from batteries_operator.runtime.metrics import CLOSURES_HELD_BACK

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LOOKED_SECONDS = 60.0
"""How long a list is used: of many Customers that are due together not each lists all accounts."""

MESSAGE = (
    "Not to be closed, though due: the accounts of too many customers would be closed at the same time. Check whether "
    "they should be. If so, set BATTERIES_BREAKER_PERCENT to 100."
)


def closure_time(
    account: AwsAccount, record: HoldRecord | None, close_after: timedelta | None, now: datetime
) -> datetime | None:
    """When the account is to be closed for that hold, which None begins now; None: never.

    `close_after` None: never, and a time that was set is taken back. A closed account keeps the time that it had.
    """
    if account.is_closed:
        return None if record is None else record.closes_at
    if close_after is None:
        return None
    if record is None or record.closes_at is None:
        return now + close_after
    return max(record.closes_at, record.since + close_after)


def sets_time(change: Mapping[str, Any]) -> bool:
    """Whether the merge patch of a status sets when an account is closed."""
    return any("closesAt" in each for each in (change.get("holds") or {}).values() if each)


@dataclass(frozen=True, slots=True)
class _Look:
    """When each Customer's first account is closed, or would be, and how many Customers there are."""

    moments: dict[str, datetime]
    customers: int
    looked_at: float


class UnpaidClosures:
    """When unpaid accounts are closed, and whether that may begin."""

    def __init__(
        self,
        accounts: Resources[AwsAccount],
        customers: Resources[Customer],
        breaker: Breaker,
        close_after: timedelta | None,
        post_event: Callable[[Customer, str], None] = lambda customer, message: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post_event` posts an Event on the first Customer whose closures are held back."""
        self.close_after = close_after
        self._accounts, self._customers, self._breaker = accounts, customers, breaker
        self._post_event, self._clock = post_event, clock
        self._looked: dict[str, _Look] = {}
        self._held_back = HeldBack(CLOSURES_HELD_BACK, self._tell)

    def change(self, account: AwsAccount, patch: Mapping[str, Any], *, begins: bool) -> dict[str, Any]:
        """The entry of a merge patch of the account's holds, with when it is closed; empty if that is written.

        `patch` is what else changes in the holds. `begins` False: a hold without a time gets none.
        """
        reason = Hold.PAYMENT_METHOD_MISSING
        record = account.status.holds.get(reason)
        known = None if record is None else record.closes_at
        at = closure_time(account, record, self.close_after, utc_now())
        if at == known or (known is None and not begins):
            return {}
        return {reason: {**patch.get(reason, {}), "closesAt": None if at is None else to_rfc3339(at)}}

    async def may_begin(self, customer: Customer, now: datetime) -> bool:
        """Whether a closure of the Customer's accounts may be set now.

        Raises:
            ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not respond.
        """
        if self.close_after is None:
            return False
        key = customer.metadata.namespace, customer.metadata.name
        look, moment = await self._look(key[0], now), now + self.close_after
        others = [at for name, at in look.moments.items() if name != key[1]]
        together = self._breaker.together(moment, others) + 1
        may = not self._breaker.stops(together, max(look.customers, together))
        self._held_back.note(customer, is_stopped=not may)
        return may

    def forget(self, namespace: str, name: str) -> None:
        """Forgets a Customer that is gone, or not due any more."""
        self._held_back.forget(namespace, name)

    async def _look(self, namespace: str, now: datetime) -> _Look:
        known = self._looked.get(namespace)
        if known is not None and self._clock() - known.looked_at <= LOOKED_SECONDS:
            return known
        moments: dict[str, datetime] = {}
        suspended = f"status.phase={Phase.SUSPENDED.value}"
        async for account in self._accounts.all(namespace, field_selector=suspended, unreadable=lambda _: None):
            record, owner = account.status.holds.get(Hold.PAYMENT_METHOD_MISSING), account.spec.customer_ref
            if record is None or owner is None or account.is_closed:
                continue
            at = closure_time(account, record, self.close_after, now)
            if at is not None:
                moments[owner.name] = min(at, moments.get(owner.name, at))
        count = 0
        async for _ in self._customers.all(namespace, unreadable=lambda _: None):
            count += 1
        look = self._looked[namespace] = _Look(moments, count, self._clock())
        return look

    def _tell(self, customer: Customer) -> None:
        name = f"{customer.metadata.namespace}/{customer.metadata.name}"
        log.error("closures_held_back", customer=name, to_do=MESSAGE)
        self._post_event(customer, MESSAGE)
