"""What a customer may still do who is blocked or does not pay: one gate for every route.

Reading goes on, always. A blocked customer may do nothing else. Who has no valid payment method gets no further account
at once (`accounts.admission`), and may change nothing once the grace period is over, but revoke keys.
"""

from batteries_apiserver.http.errors import Forbidden, PaymentRequired
from batteries_apiserver.http.route import CustomerRequirement
from batteries_apiserver.kube.clients import BY_CARD, Kube
from batteries_crds.base import utc_now
from batteries_crds.customer import Customer

_MOST_TOGETHER = 1000


async def refuse(kube: Kube, name: str, requirement: CustomerRequirement) -> None:
    """Lets the customer of that name pass, or not.

    Raises:
        Forbidden: the customer is blocked.
        PaymentRequired: the grace period of a missing payment method is over.
    """
    if requirement is CustomerRequirement.ANY:
        return
    customer = kube.caches.customers.get(name)
    if customer is None:
        customer = await kube.customers.find(kube.namespace, name)
        if customer is None:
            return  # its keys are about to go with it, and it gets no account
        kube.caches.customers.put(customer)
    refuse_blocked(customer)
    ends = customer.grace_ends(kube.unpaid_grace)
    if requirement is CustomerRequirement.PAYS and ends is not None and ends <= utc_now():
        raise payment_required()


def refuse_blocked(customer: Customer) -> None:
    """
    Raises:
        Forbidden: the customer is blocked.
    """
    if customer.spec.blocked:
        raise Forbidden(
            "customer_blocked",
            "You are blocked: you can read what you have, and nothing else. Ask support about it.",
        )


def payment_required() -> PaymentRequired:
    """What who can't pay is told."""
    return PaymentRequired(
        "payment_method_required",
        "There is no valid payment method, or the subscription is not paid. Pay the invoice that Stripe mailed "
        "you, if there is one; or sign up anew: POST /v1/stripe/setup with your e-mail address, open the url it "
        "answers, and use the API key that GET /v1/stripe/session/{id} then gives.",
    )


def same_card(kube: Kube, customer: Customer) -> list[Customer]:
    """Every Customer that has had a card in common with this one, directly or by way of others, and this one itself."""
    found, waiting = {customer.metadata.name: customer}, [customer]
    while waiting and len(found) < _MOST_TOGETHER:
        for card in waiting.pop().status.card_fingerprints or ():
            for other in kube.caches.customers.find(BY_CARD, card):
                if other.metadata.name not in found:
                    found[other.metadata.name] = other
                    waiting.append(other)
    return list(found.values())


def shares_card_with_blocked(kube: Kube, customer: Customer) -> bool:
    """Whether it, or one with the same card, is blocked."""
    return any(one.spec.blocked for one in same_card(kube, customer))
