"""The Kubernetes clients of this program: the resources, and the caches of four of them.

Customers and their keys are in the API's own namespace. Accounts are watched, for administrators, in every namespace
that the operator watches, but only those in the API's own namespace belong to customers. `Kube` is built once for the
application's lifetime and passed to the handlers as one value. A replica is ready if its caches are synced and not
stale; that of AccountPools may be missing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from kubernetes.aio.client import ApiClient

from batteries_apiserver.cache.changes import AccountChanges
from batteries_apiserver.cache.object_store import Index
from batteries_apiserver.cache.trimmed import trimmed_account
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_apiserver.kube.installation import Installation
from batteries_apiserver.kube.prepared import BY_LINE, Prepared, line_in
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.serialized import SerializedAccounts
from batteries_apiserver.runtime import metrics
from batteries_apiserver.settings import Settings
from batteries_crds.account_pool import AccountPool
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer, PaymentReason
from batteries_crds.kube.client import Resources
from batteries_crds.kube.rest import Rest
from batteries_crds.kube.secrets import Secrets
from batteries_crds.notification import Notification
from batteries_crds.payment_dates import PaymentTerms

FIELD_MANAGER = "batteries-apiserver"
BLOCK_MANAGER = "batteries-apiserver-block"
LIMIT_MANAGER = "batteries-apiserver-limit"
SUSPENSION_MANAGER = "batteries-apiserver-suspension"
"""Owns only spec.suspended: an apply releases every field that it leaves out, so this one has its own field manager."""

CLOSURE_MANAGER = "batteries-apiserver-closure"
OWN_SUSPENSION_MANAGER = "batteries-apiserver-owner"
"""As SUSPENSION_MANAGER, for spec.closeAt and spec.suspendedByOwner."""
TIMES_MANAGER = "batteries-apiserver-times"
"""For changes of spec.expiresAt and spec.expiryPolicy."""

OWN_MANAGERS = frozenset({CLOSURE_MANAGER, OWN_SUSPENSION_MANAGER, TIMES_MANAGER})

BY_ID = "id"
BY_CUSTOMER = "customer"
BY_HASH = "hash"
BY_CARD = "card"


def _account_id(account: AwsAccount) -> tuple[str, ...]:
    return (str(account.account_id),)


def _customer_of(item: ApiKey) -> tuple[str, ...]:
    return (item.spec.customer_ref.name,) if item.spec.customer_ref else ()


def _customer_in(home: str) -> Index[AwsAccount]:
    """Indexes accounts by customer. In other namespaces, customerRef means a Customer of that namespace."""

    def customer_of(account: AwsAccount) -> tuple[str, ...]:
        owner = account.owner_in(home)
        return () if owner is None else (owner,)

    return customer_of


def _cards(customer: Customer) -> tuple[str, ...]:
    return tuple(customer.status.card_fingerprints or ())


def _key_id(key: ApiKey) -> tuple[str, ...]:
    return (str(key.key_id),)


def _key_hash(key: ApiKey) -> tuple[str, ...]:
    return (key.spec.key_hash,)


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches that handlers read, and what is derived from the accounts' cache."""

    accounts: WatchCache[AwsAccount]
    customers: WatchCache[Customer]
    keys: WatchCache[ApiKey]
    events: EventLog
    serialized: SerializedAccounts
    changes: AccountChanges
    prepared: Prepared

    def all(self) -> tuple[WatchCache[Any], ...]:
        """Those that this replica can't serve without."""
        return (self.accounts, self.customers, self.keys)

    @property
    def synced(self) -> bool:
        """Whether every cache has been filled once."""
        return all(cache.synced.is_set() for cache in self.all())

    def measure(self) -> None:
        """Sets the gauges."""
        for cache in self.all():
            metrics.CACHE_AGE.labels(cache.resource).set(cache.age)
            metrics.CACHE_OBJECTS.labels(cache.resource).set(len(cache))
            metrics.CACHE_UNREADABLE.labels(cache.resource).set(cache.unreadable)
        for namespace, age in self.accounts.ages.items():
            metrics.WATCH_AGE.labels(namespace).set(age)
        every, now = self.keys.all(), utc_now()
        revoked = sum(1 for key in every if key.spec.revoked_at is not None)
        valid = sum(1 for key in every if key.works_at(now))
        metrics.KEYS.labels("revoked").set(revoked)
        metrics.KEYS.labels("valid").set(valid)
        metrics.KEYS.labels("expired").set(len(every) - revoked - valid)
        reasons = Counter(one.status.payment_reason for one in self.customers.all())
        for reason in PaymentReason:
            metrics.CUSTOMERS.labels(reason.value).set(reasons[reason])


@dataclass(frozen=True, slots=True)
class Kube:
    """The clients, for writes and for reads that the caches can't serve, and the caches. `suspensions` writes an
    account's spec.suspended, `closures` its spec.closeAt, `own_suspensions` its spec.suspendedByOwner, `times` its end,
    `blocks` a Customer's spec.blocked, `limits` its spec.accountLimit. `payment_terms`: how long a payment method may
    be missing.
    """

    namespace: str
    accounts: Resources[AwsAccount]
    customers: Resources[Customer]
    keys: Resources[ApiKey]
    caches: Caches
    stale_after: float
    suspensions: Resources[AwsAccount]
    closures: Resources[AwsAccount]
    own_suspensions: Resources[AwsAccount]
    times: Resources[AwsAccount]
    blocks: Resources[Customer]
    limits: Resources[Customer]
    payment_terms: PaymentTerms
    secrets: Secrets
    rest: Rest
    installation: Installation
    breaker: Breaker
    notifications: Resources[Notification]

    @property
    def unpaid_grace(self) -> timedelta | None:
        """How long a payment method may be missing before the accounts are suspended; None: forever."""
        return self.payment_terms.grace

    @property
    def unready_reason(self) -> str | None:
        """Why this replica should get no requests, as a sentence; None if it is ready."""
        for cache in self.caches.all():
            if not cache.synced.is_set():
                return f"The cache of {cache.resource} has not been filled yet."
            if cache.age > self.stale_after:
                return f"Kubernetes has sent nothing about {cache.resource} for {cache.age:.0f} seconds."
        return None


KUBE = web.AppKey("kube", Kube)


def _period(seconds: float) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None


def kube_of(api: ApiClient, settings: Settings) -> Kube:
    """The clients for the settings' namespace, with empty caches."""
    accounts = Resources(api, AwsAccount, FIELD_MANAGER)
    customers = Resources(api, Customer, FIELD_MANAGER)
    keys = Resources(api, ApiKey, FIELD_MANAGER)
    space, seconds = settings.namespace, max(1, settings.api_cache_stale_seconds // 3)
    rest = Rest(api)
    known = WatchCache(
        accounts,
        AwsAccount,
        space,
        indexes={BY_ID: _account_id, BY_CUSTOMER: _customer_in(space), BY_LINE: line_in(space)},
        watch_seconds=seconds,
        namespaces=settings.watched_namespaces,
        trim=trimmed_account,
    )
    pools = WatchCache(
        Resources(api, AccountPool, FIELD_MANAGER), AccountPool, space, indexes={}, watch_seconds=seconds, optional=True
    )
    prepared = Prepared(pools, known, space, settings.api_cache_stale_seconds)
    events, serialized, changes = EventLog(), SerializedAccounts(prepared.is_there_for), AccountChanges()
    caches = Caches(
        known,
        WatchCache(customers, Customer, space, indexes={BY_CARD: _cards}, watch_seconds=seconds),
        WatchCache(
            keys,
            ApiKey,
            space,
            indexes={BY_HASH: _key_hash, BY_ID: _key_id, BY_CUSTOMER: _customer_of},
            watch_seconds=seconds,
        ),
        events,
        serialized,
        changes,
        prepared,
    )
    caches.accounts.listen(events.observe)
    caches.accounts.listen(serialized.observe)
    caches.accounts.listen(changes.observe)
    return Kube(
        space,
        accounts,
        customers,
        keys,
        caches,
        settings.api_cache_stale_seconds,
        Resources(api, AwsAccount, SUSPENSION_MANAGER),
        Resources(api, AwsAccount, CLOSURE_MANAGER),
        Resources(api, AwsAccount, OWN_SUSPENSION_MANAGER),
        Resources(api, AwsAccount, TIMES_MANAGER),
        Resources(api, Customer, BLOCK_MANAGER),
        Resources(api, Customer, LIMIT_MANAGER),
        PaymentTerms(_period(settings.suspend_unpaid_seconds), _period(settings.payment_close_after_seconds)),
        Secrets(api, FIELD_MANAGER),
        rest,
        Installation(rest, space, settings.installation),
        Breaker(settings.breaker_percent, settings.breaker_customers),
        Resources(api, Notification, FIELD_MANAGER),
    )


@asynccontextmanager
async def filled(caches: Caches) -> AsyncIterator[None]:
    """Keeps the caches current while the block runs."""
    every = (*caches.all(), caches.prepared.pools)
    tasks = [asyncio.create_task(cache.run(), name=f"watch {cache.resource}") for cache in every]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
