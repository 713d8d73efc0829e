"""Payment methods: https://docs.stripe.com/api/payment_methods. Only cards, and only as a checkout makes them.

A method that was detached can't be used again; the customer it belonged to stands only in the event.
"""

from collections.abc import Iterator

from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.cards import Card
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.objects import JsonObject, new_id


def new_card(account: Account, card: Card, email: str | None) -> JsonObject:
    """Adds a card that belongs to nobody yet."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    method: JsonObject = {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": address, "email": email, "name": card.name, "phone": None, "tax_id": None},
        "card": _card(card),
        "created": account.clock.now(),
        "customer": None,
        "customer_account": None,
        "livemode": account.livemode,
        "metadata": {},
        "type": "card",
    }
    account.payment_methods[method["id"]] = method
    return method


def _card(card: Card) -> JsonObject:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def attach(account: Account, method: JsonObject, customer_id: str, cause: Cause) -> None:
    """Gives the card to a customer."""
    method["customer"] = customer_id
    account.record("payment_method.attached", method, cause)


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("payment_methods", call.path_id)


def detach(account: Account, call: Call) -> JsonObject:
    """Takes the card away from its customer, for good."""
    method = account.find("payment_methods", call.path_id)
    if method["customer"] is None:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    take_away(account, method, call.cause)
    return method


def take_away(account: Account, method: JsonObject, cause: Cause) -> None:
    """Takes an attached card away from its customer, and from what is paid with it."""
    owner, method["customer"] = method["customer"], None
    settings = account.customers[owner]["invoice_settings"]
    if settings["default_payment_method"] == method["id"]:
        settings["default_payment_method"] = None
    for subscription in account.subscriptions.values():
        if subscription["default_payment_method"] == method["id"]:
            subscription["default_payment_method"] = None
    account.record("payment_method.detached", method, cause, {"customer": owner})


def of_customer(account: Account, customer_id: str) -> Iterator[JsonObject]:
    """The cards a customer has now, oldest first."""
    return (method for method in account.payment_methods.values() if method["customer"] == customer_id)


def check_belongs(method: JsonObject, customer: JsonObject | None, param: str) -> None:
    """Refuses a payment method of somebody else's, or of nobody's."""
    if customer is None or method["customer"] != customer["id"]:
        raise StripeError(
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be"
            " attached to the customer.",
            code="resource_missing",
            param=param,
        )
