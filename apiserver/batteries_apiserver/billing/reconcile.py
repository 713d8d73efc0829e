"""Rechecks all customers at Stripe periodically: webhooks can be lost, and Stripe resends them for three days only.

There is no leader. Each replica looks for customers whose `paymentMethodCheckedAt` is old, in a random order, and
updates it after querying Stripe; the other replicas see that through their watch and skip that customer. Two replicas
that choose the same customer query Stripe once or twice too often, and the later query wins.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.http.errors import Conflict, Unavailable
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.runtime.background import in_background
from batteries_crds.base import AHEAD_SECONDS, utc_now
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.kube.client import NOT_FOUND, UNANSWERED, status_of

log = structlog.get_logger(__name__)

_SWEEPS_EACH = 20
"""How many sweeps over the cache there are in one recheck interval."""

_JITTER = 0.2
"""A fifth sooner or later, so that customers who signed up at the same time are not always rechecked together."""

_PAUSE_SECONDS = 0.1
"""The pause between two customers: at most ten a second for each replica, a tenth of Stripe's limit."""


@asynccontextmanager
async def rechecking(kube: Kube, gateway: StripeGateway | None, *, seconds: float) -> AsyncIterator[None]:
    """Rechecks in the background while the block runs, if Stripe is configured."""
    if gateway is None:
        yield
        return
    reconciler = Reconciler(kube, Customers(kube, gateway), seconds=seconds)
    async with in_background(reconciler.run(), "recheck of customers"):
        yield


class Reconciler:
    """Rechecks customers whose payment was last checked `seconds` ago."""

    def __init__(
        self, kube: Kube, customers: Customers, *, seconds: float, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._kube = kube
        self._customers = customers
        self._seconds = seconds
        self._now = now

    async def run(self) -> None:
        """Sweeps until cancelled."""
        while True:
            await asyncio.sleep(self._seconds / _SWEEPS_EACH * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                await self.sweep()
            except Exception:
                log.exception("recheck_failed")

    async def sweep(self) -> int:
        """Rechecks all due customers; stops if Stripe or Kubernetes fails. Returns how many it rechecked."""
        names = [customer.metadata.name for customer in self._kube.caches.customers.all() if self._is_due(customer)]
        random.shuffle(names)
        done = 0
        for name in names:
            customer = self._kube.caches.customers.get(name)
            if customer is None or not self._is_due(customer):
                continue  # another replica was faster
            try:
                await self._customers.recheck(customer)
                done += 1
            except ApiException as error:
                if status_of(error) != NOT_FOUND:
                    log.warning("recheck_put_off", reason=f"Kubernetes: {error.status} {error.reason}")
                    break
            except Conflict:
                continue  # another object has its name now, which was logged
            except (Unavailable, *UNANSWERED) as error:
                log.warning("recheck_put_off", reason=type(error).__name__)
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        return done

    def _lacks_something(self, customer: Customer) -> bool:
        """Whether an earlier release wrote it without fields that are written now."""
        status = customer.status
        counts = status.payment_method is PaymentMethod.MISSING and self._kube.unpaid_grace is not None
        return status.card_fingerprints is None or (counts and status.payment_grace_since is None)

    def _is_due(self, customer: Customer) -> bool:
        if customer.spec.stripe_customer_id is None:
            return False
        asked = customer.status.payment_method_checked_at
        if asked is None or self._lacks_something(customer):
            return True
        bound = self._seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        age = (self._now() - asked).total_seconds()
        return age > bound or age < -AHEAD_SECONDS  # checked in the future: the clock was set back
