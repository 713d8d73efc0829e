"""Charges: https://docs.stripe.com/api/charges. Only as tests pretend them: no payment of the stand-in makes one.

A charge says that it was refunded or disputed; a dispute names its charge and no customer.
"""

from batteries_sandbox.stripe.account import BY_ITSELF, Account
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import not_implemented
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject, new_id


def pretend(account: Account, customer_id: str, amount: int, refunded: int, disputed: bool) -> JsonObject:
    """A charge that succeeded, of which so much was refunded, and which the cardholder disputes or not."""
    customer = account.find_customer(customer_id, param="customer", status=400)
    charge: JsonObject = {
        "id": new_id("ch_"),
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "captured": True,
        "created": account.clock.now(),
        "currency": "usd",
        "customer": customer["id"],
        "disputed": disputed,
        "livemode": account.livemode,
        "metadata": {},
        "paid": True,
        "refunded": refunded == amount,
        "status": "succeeded",
    }
    account.charges[charge["id"]] = charge
    account.record("charge.succeeded", charge, BY_ITSELF)
    if refunded:
        account.record("charge.refunded", charge, BY_ITSELF, {"amount_refunded": 0, "refunded": False})
    if disputed:
        dispute: JsonObject = {
            "id": new_id("du_"),
            "object": "dispute",
            "amount": amount,
            "charge": charge["id"],
            "created": account.clock.now(),
            "currency": "usd",
            "livemode": account.livemode,
            "metadata": {},
            "reason": "fraudulent",
            "status": "needs_response",
        }
        account.record("charge.dispute.created", dispute, BY_ITSELF)
    return charge


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("charges", call.path_id)


def list_charges(account: Account, call: Call) -> JsonObject:
    params = call.params
    for name in params:
        if name not in ("customer", "created", "limit", "starting_after", "ending_before", "expand"):
            raise not_implemented(f"listing charges by {name}", param=name)
    matching = (one for one in account.charges.values() if params.get("customer") in (None, one["customer"]))
    return page(account, "charges", matching, params, "/v1/charges")
