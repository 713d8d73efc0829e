"""What blocked and unpaid customers may still do, checked for every route.

Everybody may read. A blocked customer may do nothing else. A customer without a valid payment method can't get another
account (`accounts.admission`), and after the grace period may change nothing but revoke keys.
"""

from batteries_apiserver.http.errors import Forbidden, PaymentRequired
from batteries_apiserver.http.route import CustomerRequirement
from batteries_apiserver.kube.clients import BY_CARD, Kube
from batteries_crds.base import utc_now
from batteries_crds.customer import Customer

_MOST_TOGETHER = 1000


async def refuse(kube: Kube, name: str, requirement: CustomerRequirement) -> None:
    """Checks that the customer meets the route's requirement.

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
            return  # its keys are about to be deleted too, and it can't get an account
        kube.caches.customers.put(customer)
    refuse_blocked(customer)
    ends = customer.grace_ends(kube.unpaid_grace)
    if requirement is CustomerRequirement.PAYS and ends is not None and ends <= utc_now():
        raise payment_required()


def refuse_blocked(customer: Customer) -> None:
    """Refuses a blocked customer.

    Raises:
        Forbidden: the customer is blocked.
    """
    if customer.spec.blocked:
        raise Forbidden("customer_blocked", "An administrator has blocked you: you may only read. Ask support.")


def payment_required() -> PaymentRequired:
    """The error for a customer who can't pay."""
    return PaymentRequired(
        "payment_method_required",
        "There is no valid payment method, or the subscription is not paid. Change that at Stripe: POST "
        "/v1/stripe/portal, and open the url from the response (or its subscribeUrl, if your subscription has ended). "
        "Or sign up again: POST /v1/stripe/setup with your e-mail address, open the url from the response, and use the "
        "API key from GET /v1/stripe/session/{id}.",
    )


def same_card(kube: Kube, customer: Customer) -> list[Customer]:
    """Every Customer that has ever shared a card with this one, directly or through others, and this one itself."""
    found, waiting = {customer.metadata.name: customer}, [customer]
    while waiting and len(found) < _MOST_TOGETHER:
        for card in waiting.pop().status.card_fingerprints or ():
            for other in kube.caches.customers.find(BY_CARD, card):
                if other.metadata.name not in found:
                    found[other.metadata.name] = other
                    waiting.append(other)
    return list(found.values())


def shares_card_with_blocked(kube: Kube, customer: Customer) -> bool:
    """Whether the customer, or another one with the same card, is blocked."""
    return any(one.spec.blocked for one in same_card(kube, customer))
