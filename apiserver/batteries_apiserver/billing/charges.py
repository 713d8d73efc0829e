"""Whether a customer's charges were refunded or disputed. Administrators see it; it has no other effect.

A restricted key from an earlier release may lack the permission to read charges: then nothing is known about them, and
everything else works.
"""

from typing import Any

import stripe
import structlog

from batteries_apiserver.billing.failures import asking
from batteries_crds.customer import PaymentProblem

log = structlog.get_logger(__name__)


async def problems_of(client: stripe.StripeClient, customer_id: str, livemode: bool) -> tuple[PaymentProblem, ...]:
    """Returns the problems of the customer's last hundred charges, each once.

    Raises:
        Unavailable: the call to Stripe failed.
    """
    async with asking("read a customer's charges"):
        try:
            charges = await client.v1.charges.list_async({"customer": customer_id, "limit": 100})
        except stripe.PermissionError as error:
            log.warning(
                "charges_not_readable", reason=error.user_message, to_do="Give the key the permission to read Charges."
            )
            return ()
    found = {problem for one in charges.data if one.livemode is livemode for problem in _of(one.to_dict())}
    return tuple(sorted(found))


async def customer_of_charge(client: stripe.StripeClient, charge_id: str) -> str | None:
    """Returns the charge's customer; None if it has none or can't be read.

    Raises:
        Unavailable: the call to Stripe failed.
    """
    async with asking("read a charge"):
        try:
            charge = await client.v1.charges.retrieve_async(charge_id)
        except (stripe.PermissionError, stripe.InvalidRequestError) as error:
            log.warning("charge_not_readable", reason=error.user_message)
            return None
    customer = charge.to_dict().get("customer")
    return customer if isinstance(customer, str) else None


def _of(charge: dict[str, Any]) -> set[PaymentProblem]:
    found = set()
    if charge.get("disputed"):
        found.add(PaymentProblem.DISPUTED)
    if charge.get("refunded"):
        found.add(PaymentProblem.REFUNDED)
    elif charge.get("amount_refunded"):
        found.add(PaymentProblem.PARTLY_REFUNDED)
    return found
