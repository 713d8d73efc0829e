"""Prices: https://docs.stripe.com/api/prices. Those that the account was opened with; none is made over the API.

One price each month, per unit: what a subscription's checkout needs to name.
"""

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.objects import JsonObject

CURRENCY, UNIT_AMOUNT = "usd", 2900


def add_price(account: Account, price_id: str) -> None:
    """Adds a monthly price; its product is only a name."""
    account.prices[price_id] = {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": account.clock.now(),
        "currency": CURRENCY,
        "custom_unit_amount": None,
        "livemode": account.livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": "prod_standin",
        "recurring": {"interval": "month", "interval_count": 1, "meter": None, "usage_type": "licensed"},
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": UNIT_AMOUNT,
        "unit_amount_decimal": str(UNIT_AMOUNT),
    }


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("prices", call.path_id)
