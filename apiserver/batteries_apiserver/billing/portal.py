"""POST /v1/stripe/portal: where a customer changes the card, cancels, and comes back.

Stripe's portal can't sell a subscription, so a customer whose subscription has ended also gets a checkout for the same
Stripe customer. Whoever may call is not asked whether they can pay or are blocked: leaving is always possible.
"""

from typing import Annotated, NotRequired

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.auth.rate_limit import RATE_LIMITS
from batteries_apiserver.billing.context import BILLING
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.headers import SHOWN_ONCE
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.projections.account_views import Uri
from batteries_crds.customer import Customer, PaymentReason


class Portal(TypedDict):
    """The response to POST /stripe/portal."""

    url: Annotated[
        Uri,
        Field(
            description="Stripe's page for you: change or remove the card, see invoices, cancel the subscription or "
            "take that back. Whoever has this URL can do that, so keep it to yourself. Open it within five minutes."
        ),
    ]
    subscribeUrl: NotRequired[
        Annotated[
            Uri,
            Field(
                description="Stripe's checkout that starts a subscription again for you, with the same accounts and "
                "keys. Only present if your subscription has ended."
            ),
        ]
    ]


async def portal(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/stripe/portal."""
    billing, name = request.app[BILLING], customer_of(caller)
    gateway = billing.stripe
    customer = await billing.kube.customers.find(billing.kube.namespace, name)
    if customer is None or customer.spec.stripe_customer_id is None:
        raise nothing_at_stripe()
    request.app[RATE_LIMITS].take_portal(request, name)
    back = billing.settings.portal_return
    found = await gateway.portal.url(customer.spec.stripe_customer_id, return_url=back)
    if found is None:
        raise nothing_at_stripe()
    response: Portal = {"url": found}
    if _may_subscribe(customer):
        again = await gateway.portal.checkout_again(customer.spec.stripe_customer_id, return_url=back)
        if again is not None:
            response["subscribeUrl"] = again
    return json_response(response, headers=SHOWN_ONCE)


def _may_subscribe(customer: Customer) -> bool:
    return customer.status.payment_reason is PaymentReason.NO_SUBSCRIPTION and not customer.spec.blocked


def nothing_at_stripe() -> Conflict:
    """The error for a customer who did not sign up by a checkout here, or whom Stripe does not have any more."""
    return Conflict(
        "no_stripe_customer",
        "You have no customer at the payment provider, Stripe, so there is no card and no subscription to change, and "
        "nothing is charged there. Ask support how your accounts are paid for.",
    )
