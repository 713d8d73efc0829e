"""Invoices: https://docs.stripe.com/api/invoices. One for each period of a subscription, as far as events need them.

An invoice is open or paid; its lines, taxes and documents are not modelled, and nothing is ever charged.
"""

from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.objects import JsonObject, new_id

# Fields of features that the stand-in refuses; null on a plain invoice of a subscription too.
_ALWAYS_NULL = (
    "application",
    "custom_fields",
    "customer_account",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "footer",
    "last_finalization_error",
    "on_behalf_of",
    "shipping_cost",
    "test_clock",
)
_ALWAYS_ZERO = (
    "amount_overpaid",
    "amount_paid",
    "amount_shipping",
    "attempt_count",
    "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount",
    "starting_balance",
)


def new_invoice(account: Account, subscription: JsonObject, amount: int, reason: str, cause: Cause) -> JsonObject:
    """Adds an open invoice of that subscription."""
    now, invoice_id = account.clock.now(), new_id("in_")
    customer = account.customers[subscription["customer"]]
    details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    invoice: JsonObject = {
        "id": invoice_id,
        "object": "invoice",
        **dict.fromkeys(_ALWAYS_NULL),
        **dict.fromkeys(_ALWAYS_ZERO, 0),
        "amount_due": amount,
        "amount_remaining": amount,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"},
        "livemode": account.livemode,
        "metadata": {},
        "next_payment_attempt": None,
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": now,
        "period_start": now,
        "status": "open",
        "status_transitions": dict.fromkeys(("marked_uncollectible_at", "paid_at", "voided_at"))
        | {"finalized_at": now},
        "subtotal": amount,
        "total": amount,
    }
    account.invoices[invoice_id] = invoice
    subscription["latest_invoice"] = invoice_id
    account.record("invoice.finalized", invoice, cause)
    return invoice


def pay(account: Account, invoice: JsonObject, cause: Cause) -> None:
    """The card was charged."""
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + 1,
        attempted=True,
        status="paid",
    )
    invoice["status_transitions"]["paid_at"] = account.clock.now()
    account.record("invoice.paid", invoice, cause)


def fail(account: Account, invoice: JsonObject, cause: Cause) -> None:
    """The card was refused; the invoice stays open."""
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True)
    account.record("invoice.payment_failed", invoice, cause)


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("invoices", call.path_id)
