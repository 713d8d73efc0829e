"""Decides whether a customer may have one more account: valid card (402), not blocked (403), below the limit (409).

An API that spends money needs a ceiling. There are two: the customer's own limit, and a shared limit, because one card
can sign up any number of customers: customers that ever had a card in common may together have as many accounts as the
largest of their limits. So raising one customer's limit raises it for that customer only.

Accounts are counted in the cache, under one lock for all customers that share a card, so that concurrent requests to
one replica can't exceed the limit. Close to the limit, and while some objects are unreadable, they are counted live,
so that accounts made by other replicas count at once. Only requests that reach Kubernetes from several replicas at the
same instant may exceed the limit, by one for each other replica. The customer is read live, so a customer blocked a
moment ago is refused; if one slips through, the operator still does not ask AWS for the account.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from batteries_apiserver.auth.customer_checks import payment_required, refuse_blocked, same_card
from batteries_apiserver.http.errors import Conflict, Forbidden
from batteries_apiserver.kube.clients import BY_CUSTOMER, Kube
from batteries_apiserver.runtime.keyed_lock import KeyedLocks
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.kube.client import UnreadableError, read_object

_NEAR = 10
_LARGEST_LIVE = 1000
"""Above this limit, one account too many is not worth reading them all."""

_MOST_READ = 50
"""How many customers with the same card are counted live; for any others, the cache is used."""

_READS_AT_ONCE = 8

_locks = KeyedLocks()


@asynccontextmanager
async def admitted(kube: Kube, customer_name: str) -> AsyncIterator[None]:
    """Checks the limits, and holds the lock while the block creates the account.

    Raises:
        PaymentRequired: there is no valid payment method.
        Forbidden: the customer is blocked, or one with the same card is.
        Conflict: the customer, or all customers with the same card together, reached the limit.
    """
    customer = await _payer(kube, customer_name)
    async with _locks.lock(min(one.metadata.name for one in same_card(kube, customer))):
        together = same_card(kube, customer)
        if any(one.spec.blocked for one in together):
            raise Forbidden("accounts_refused", "You can't get another account at the moment. Ask support.")
        await _refuse_too_many(kube, customer, together)
        yield


async def _refuse_too_many(kube: Kube, customer: Customer, together: Sequence[Customer]) -> None:
    own, shared = customer.spec.account_limit, max(one.spec.account_limit for one in together)
    counts = {one.metadata.name: _cached(kube, one.metadata.name) for one in together}
    _refuse(customer, counts, own, shared)
    near = min(own - counts[customer.metadata.name], shared - sum(counts.values())) <= _NEAR
    if own > _LARGEST_LIVE or not (near or kube.caches.accounts.unreadable):
        return
    # The customer first, then the newest of the others, which another replica may have just created.
    youngest = sorted(together, key=lambda one: one.metadata.version, reverse=True)
    names = list(dict.fromkeys([customer.metadata.name, *(one.metadata.name for one in youngest)]))[:_MOST_READ]
    reading = asyncio.Semaphore(_READS_AT_ONCE)

    async def count(name: str) -> int:
        async with reading:
            return await _live(kube, name, limit=min(shared, _LARGEST_LIVE) + 1)

    counts |= dict(zip(names, await asyncio.gather(*map(count, names)), strict=True))
    _refuse(customer, counts, own, shared)


def _refuse(customer: Customer, counts: dict[str, int], own: int, shared: int) -> None:
    if counts[customer.metadata.name] >= own:
        raise Conflict(
            "account_limit_reached",
            f"Account limit reached ({own}). Ask support to raise it.",
        )
    if sum(counts.values()) >= shared:
        raise Conflict(
            "account_limit_reached",
            f"Account limit reached: customers with the same card share one limit ({shared}). Ask support to raise it.",
        )


def _counts(account: AwsAccount) -> bool:
    """Whether it counts: one that AWS closed or is closing does not, until AWS Support reopens it."""
    return not account.is_closed and account.status.closure_requested_at is None


def _cached(kube: Kube, customer_name: str) -> int:
    return sum(map(_counts, kube.caches.accounts.find(BY_CUSTOMER, customer_name)))


async def _live(kube: Kube, customer_name: str, *, limit: int) -> int:
    """How many accounts of the customer count now; no more are read than it takes to reach `limit`."""
    selector = f"spec.customerRef.name={customer_name}"
    count, token = 0, None
    while True:
        page = await kube.accounts.raw_page(kube.namespace, field_selector=selector, token=token, limit=limit)
        for raw in page.items:
            account = None
            with suppress(UnreadableError):  # an unreadable account counts too
                account = read_object(AwsAccount, raw)
                kube.caches.accounts.put(account)
            count += account is None or _counts(account)
        token = page.next_token
        if token is None or count >= limit:
            return count


async def _payer(kube: Kube, name: str) -> Customer:
    """Reads the customer live, and checks that it is not blocked and has a valid payment method."""
    customer = await kube.customers.find(kube.namespace, name)
    if customer is None:
        raise payment_required()
    kube.caches.customers.put(customer)
    refuse_blocked(customer)
    if customer.status.payment_method is not PaymentMethod.VALID:
        raise payment_required()
    return customer
