"""Whether a customer may have one more account: a good card (402), nobody blocked (403), and room (409).

An API that spends money needs a ceiling. There are two: the customer's own limit; and, as one card makes any number of
customers, those that ever had a card in common have together as many accounts as the largest of their limits. So an
administrator who raises the limit of one raises it for that one alone.

The count comes from the cache, under one lock for all who share a card, so that requests to one replica can't pass each
other; close to the limit, and while the cache lacks what it can't read, it is read live, so that what other replicas
made counts at once. Only requests that are on their way to Kubernetes from several replicas at the same instant may
exceed the limit, by one for each other replica. The customer is read live: who was blocked a moment ago is refused, and
what passes all the same the operator does not ask AWS for.
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
"""Where a customer may have more than so many, one too many is not worth reading them all."""

_MOST_READ = 50
"""Customers with the same card whose accounts are counted live; of more, the cache has to do for the rest."""

_READS_AT_ONCE = 8

_locks = KeyedLocks()


@asynccontextmanager
async def admitted(kube: Kube, customer_name: str) -> AsyncIterator[None]:
    """Holds the customer's place while the block creates the account.

    Raises:
        PaymentRequired: there is no valid payment method.
        Forbidden: the customer is blocked, or one with the same card is.
        Conflict: the customer, or those with the same card together, have as many accounts as allowed.
    """
    customer = await _payer(kube, customer_name)
    async with _locks.lock(min(one.metadata.name for one in same_card(kube, customer))):
        together = same_card(kube, customer)
        if any(one.spec.blocked for one in together):
            raise Forbidden("accounts_refused", "You get no further account at the moment. Ask support about it.")
        await _refuse_too_many(kube, customer, together)
        yield


async def _refuse_too_many(kube: Kube, customer: Customer, together: Sequence[Customer]) -> None:
    own, shared = customer.spec.account_limit, max(one.spec.account_limit for one in together)
    counts = {one.metadata.name: len(kube.caches.accounts.find(BY_CUSTOMER, one.metadata.name)) for one in together}
    _refuse(customer, counts, own, shared)
    near = min(own - counts[customer.metadata.name], shared - sum(counts.values())) <= _NEAR
    if own > _LARGEST_LIVE or not (near or kube.caches.accounts.unreadable):
        return
    # The customer first; the youngest of the others may have been made on other replicas just now.
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
            f"You have as many accounts as you may have ({own}). Ask support to raise the limit.",
        )
    if sum(counts.values()) >= shared:
        raise Conflict(
            "account_limit_reached",
            f"Customers with the same card share a limit, and those with yours have together as many accounts as they "
            f"may have ({shared}). Ask support to raise the limit.",
        )


async def _live(kube: Kube, customer_name: str, *, limit: int) -> int:
    """How many accounts the customer has now."""
    selector = f"spec.customerRef.name={customer_name}"
    page = await kube.accounts.raw_page(kube.namespace, field_selector=selector, limit=limit)
    for raw in page.items:
        with suppress(UnreadableError):  # it counts all the same
            kube.caches.accounts.put(read_object(AwsAccount, raw))
    return len(page.items)


async def _payer(kube: Kube, name: str) -> Customer:
    """The customer as it is now, with a valid payment method and not blocked."""
    customer = await kube.customers.find(kube.namespace, name)
    if customer is None:
        raise payment_required()
    kube.caches.customers.put(customer)
    refuse_blocked(customer)
    if customer.status.payment_method is not PaymentMethod.VALID:
        raise payment_required()
    return customer
