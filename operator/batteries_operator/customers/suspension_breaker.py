"""A circuit breaker: stops new holds if too many would begin at the same time, until a person has looked.

It decides from the Customers alone, by when each became or becomes due, so a restart, or another operator, decides the
same. The grace period is known from its beginning, so of many Customers that lose payment together not even the first
is held. An administrator's own act, blocking a customer, is not stopped; every other reason is, including future ones.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from batteries_crds.aws_account_status import Hold
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_operator.customers.held_back import HeldBack
from batteries_operator.customers.payments import due_at
from batteries_operator.runtime.metrics import SUSPENSIONS_HELD_BACK

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LOOKED_SECONDS = 60.0
"""How long a list is used: of a thousand Customers that are due together not each lists all Customers."""

ORDERED = frozenset({Hold.CUSTOMER_BLOCKED})
"""Holds that a person begins, customer by customer."""

MESSAGE = (
    "Not suspended, though due: too many customers would be suspended at the same time. Check whether they should be. "
    "If so, set BATTERIES_BREAKER_PERCENT to 100."
)


@dataclass(frozen=True, slots=True)
class _DueCustomers:
    """When each Customer of a namespace becomes due, in order, and how many Customers there are."""

    moments: list[datetime]
    customers: int
    looked_at: float

    def together(self, moment: datetime, window: timedelta) -> int:
        return bisect_right(self.moments, moment + window) - bisect_left(self.moments, moment - window)


class SuspensionBreaker:
    """Decides for one Customer at a time."""

    def __init__(
        self,
        customers: Resources[Customer],
        breaker: Breaker,
        grace: timedelta | None,
        post_event: Callable[[Customer, str], None] = lambda customer, message: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post_event` posts an Event on the first Customer that is held back."""
        self._customers, self._breaker, self._grace = customers, breaker, grace
        self._post_event, self._clock = post_event, clock
        self._looked: dict[str, _DueCustomers] = {}
        self._held_back = HeldBack(SUSPENSIONS_HELD_BACK, self._tell)

    async def stops(self, customer: Customer) -> frozenset[Hold]:
        """The reasons for which no hold of the Customer's accounts may begin yet, though due.

        Raises:
            ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not respond.
        """
        due = due_at(customer, self._grace)
        stopped = {
            reason
            for reason, moment in due.items()
            if reason not in ORDERED
            and self._is_too_many(await self._due_customers(customer.metadata.namespace), moment)
        }
        self._held_back.note(customer, is_stopped=bool(stopped))
        return frozenset(stopped)

    def forget(self, namespace: str, name: str) -> None:
        """Forgets a Customer that is gone, or not due any more."""
        self._held_back.forget(namespace, name)

    def _is_too_many(self, due: _DueCustomers, moment: datetime) -> bool:
        return self._breaker.stops(due.together(moment, self._breaker.window), due.customers)

    async def _due_customers(self, namespace: str) -> _DueCustomers:
        known = self._looked.get(namespace)
        if known is None or self._clock() - known.looked_at > LOOKED_SECONDS:
            moments, count = [], 0
            async for customer in self._customers.all(namespace, unreadable=lambda _: None):
                count += 1
                due = due_at(customer, self._grace)
                moments += [min(at for reason, at in due.items() if reason not in ORDERED)] if due else []
            known = self._looked[namespace] = _DueCustomers(sorted(moments), count, self._clock())
        return known

    def _tell(self, customer: Customer) -> None:
        name = f"{customer.metadata.namespace}/{customer.metadata.name}"
        log.error("suspensions_held_back", customer=name, to_do=MESSAGE)
        self._post_event(customer, MESSAGE)
