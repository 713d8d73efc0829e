"""Whether a customer may have one more account: a good card (402), and room under the limit (409).

An API that spends money needs a ceiling. The count comes from the cache, under one lock per customer, so that requests
to one replica can't pass each other; close to the limit, and while the cache lacks what it can't read, it is read live,
so that what other replicas made counts at once. Only requests that are on their way to Kubernetes from several replicas
at the same instant may exceed the limit, by one for each other replica.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from batteries_apiserver.errors import Conflict, PaymentRequired
from batteries_apiserver.kube import BY_CUSTOMER, Kube
from batteries_apiserver.turns import Turns
from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import UnreadableError, read_object
from batteries_crds.customer import Customer, PaymentMethod

_NEAR = 10
_LARGEST_LIVE = 1000
"""Where a customer may have more than so many, one too many is not worth reading them all."""

_turns = Turns()


@asynccontextmanager
async def admitted(kube: Kube, customer_name: str) -> AsyncIterator[None]:
    """Holds the customer's place while the block creates the account.

    Raises:
        PaymentRequired: there is no valid payment method.
        Conflict: the customer has as many accounts as allowed.
    """
    customer = await _payer(kube, customer_name)
    async with _turns.of(customer_name):
        limit = customer.spec.account_limit
        if await _count(kube, customer_name, limit) >= limit:
            raise Conflict(
                "account_limit_reached",
                f"You have as many accounts as you may have ({limit}). Ask support to raise the limit.",
            )
        yield


async def _count(kube: Kube, customer_name: str, limit: int) -> int:
    """How many accounts the customer has."""
    known = len(kube.caches.accounts.find(BY_CUSTOMER, customer_name))
    if known >= limit or limit > _LARGEST_LIVE:
        return known
    if limit - known > _NEAR and not kube.caches.accounts.unreadable:
        return known
    selector = f"spec.customerRef.name={customer_name}"
    live = await kube.accounts.raw_page(kube.namespace, field_selector=selector, limit=limit + 1)
    for raw in live.items:
        with suppress(UnreadableError):  # it counts all the same
            kube.caches.accounts.put(read_object(AwsAccount, raw))
    return len(live.items)


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
