"""Whether a customer may have one more account: a good card (402), and room under the limit (409).

An API that spends money needs a ceiling. The count comes from the cache, under one lock per customer, so that
requests to one replica can't pass each other; requests that race on several replicas may exceed the limit by what
is under way within the watch's latency.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from batteries_apiserver.errors import Conflict, PaymentRequired
from batteries_apiserver.kube import BY_CUSTOMER, Kube
from batteries_crds.customer import Customer, PaymentMethod

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def admitted(kube: Kube, customer_name: str) -> AsyncIterator[None]:
    """Holds the customer's place while the block creates the account.

    Raises:
        PaymentRequired: there is no valid payment method.
        Conflict: the customer has as many accounts as allowed.
    """
    customer = await _payer(kube, customer_name)
    async with _locks.setdefault(customer_name, asyncio.Lock()):
        limit = customer.spec.account_limit
        if len(kube.caches.accounts.find(BY_CUSTOMER, customer_name)) >= limit:
            raise Conflict(
                "account_limit_reached",
                f"You have as many accounts as you may have ({limit}). Ask support to raise the limit.",
            )
        yield


async def _payer(kube: Kube, name: str) -> Customer:
    """The customer, with a valid payment method; asked live where the cache doesn't know of one yet."""
    customer = kube.caches.customers.get(name)
    if not _can_pay(customer):
        customer = await kube.customers.find(kube.namespace, name)
        if customer is not None:
            kube.caches.customers.put(customer)
    if customer is None or not _can_pay(customer):
        raise PaymentRequired(
            "payment_method_required",
            "There is no valid payment method, or the subscription is not paid. Pay the invoice that Stripe mailed "
            "you, if there is one; or sign up anew: POST /v1/stripe/setup with your e-mail address, open the url it "
            "answers, and use the API key that GET /v1/stripe/session/{id} then gives.",
        )
    return customer


def _can_pay(customer: Customer | None) -> bool:
    return customer is not None and customer.status.payment_method is PaymentMethod.VALID
