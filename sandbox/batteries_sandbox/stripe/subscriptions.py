"""Subscriptions: https://docs.stripe.com/api/subscriptions, as a checkout makes them: one price, charged each month.

How the status moves: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses. Time does not move
it here, for what happens after a failed charge is a setting of each Stripe account; `tools.py` does.
"""

from collections.abc import Iterator

from batteries_sandbox.stripe import invoices
from batteries_sandbox.stripe.account import BY_ITSELF, Account, Cause
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import StripeError, not_implemented, resource_missing
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject, new_id

_MONTH = 30 * 24 * 60 * 60
_ENDED = ("canceled", "incomplete_expired")

_ALWAYS_NULL = (
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "cancel_at",
    "canceled_at",
    "customer_account",
    "days_until_due",
    "default_source",
    "description",
    "ended_at",
    "latest_invoice",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "pause_collection",
    "payment_settings",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "test_clock",
    "transfer_data",
    "trial_end",
    "trial_settings",
    "trial_start",
)


def begin(account: Account, session: JsonObject, method: JsonObject, cause: Cause) -> tuple[JsonObject, JsonObject]:
    """Makes the subscription that a session sold, and charges its first invoice; both of them.

    Stripe tells of it first as incomplete, and as active once the invoice is paid.
    """
    line, data = session_line(account, session["id"]), account.session_details[session["id"]]
    subscription = _new(account, str(method["customer"]), method["id"], line, data)
    account.subscriptions[subscription["id"]] = subscription
    account.record("customer.subscription.created", subscription, cause)
    amount = line["price"]["unit_amount"] * line["quantity"]
    invoice = invoices.new_invoice(account, subscription, amount, "subscription_create", cause)
    invoices.pay(account, invoice, cause)
    change_status(account, subscription, "active", cause)
    return subscription, invoice


def session_line(account: Account, session_id: str) -> JsonObject:
    """The one line item of a session in subscription mode, with its price."""
    [line] = account.session_details[session_id]["line_items"]
    return {"price": account.prices[line["price"]], "quantity": line.get("quantity", 1)}


def _new(account: Account, customer: str, method: str, line: JsonObject, data: JsonObject) -> JsonObject:
    now, subscription_id, price = account.clock.now(), new_id("sub_"), line["price"]
    given = data.get("subscription_data", {})
    item = {
        "id": new_id("si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": now + _MONTH,
        "current_period_start": now,
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": line["quantity"],
        "subscription": subscription_id,
        "tax_rates": [],
    }
    url = f"/v1/subscription_items?subscription={subscription_id}"
    return {
        "id": subscription_id,
        "object": "subscription",
        **dict.fromkeys(_ALWAYS_NULL),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": None, "type": "flexible", "updated_at": None},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": price["currency"],
        "customer": customer,
        "default_payment_method": method,
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1, "url": url},
        "livemode": account.livemode,
        "metadata": dict(given.get("metadata") or {}),
        "start_date": now,
        "status": "incomplete",
    }


def change_status(account: Account, subscription: JsonObject, status: str, cause: Cause) -> None:
    """Moves it, and says so; the same status again is no event."""
    previous = subscription["status"]
    if status != previous:
        subscription["status"] = status
        account.record("customer.subscription.updated", subscription, cause, {"status": previous})


def change(account: Account, subscription: JsonObject, changes: JsonObject, cause: Cause) -> None:
    """Writes what differs, and says so in an event."""
    previous = {name: subscription[name] for name, value in changes.items() if subscription[name] != value}
    if previous:
        subscription.update(changes)
        account.record("customer.subscription.updated", subscription, cause, previous)


def running(account: Account, customer_id: str) -> Iterator[JsonObject]:
    """The customer's subscriptions that have not ended, oldest first."""
    return (
        one
        for one in list(account.subscriptions.values())
        if one["customer"] == customer_id and one["status"] not in _ENDED
    )


def period_end(account: Account, subscription: JsonObject) -> int:
    """When the period ends that the clock is in: the items' own periods don't move here."""
    ends: int = max(item["current_period_end"] for item in subscription["items"]["data"])
    behind = account.clock.now() - ends
    return ends if behind < 0 else ends + (behind // _MONTH + 1) * _MONTH


def end_due(account: Account) -> None:
    """Ends every subscription whose cancellation is due."""
    now = account.clock.now()
    for one in list(account.subscriptions.values()):
        if one["cancel_at"] is not None and one["cancel_at"] <= now and one["status"] not in _ENDED:
            end(account, one, "cancellation_requested", BY_ITSELF, at=one["cancel_at"])


def end(account: Account, subscription: JsonObject, reason: str, cause: Cause, at: int | None = None) -> None:
    """Cancels it at once and for good. `at`: when that was asked to happen, if it was asked for before."""
    now = account.clock.now()
    # Asked for before, canceled_at stays at that: stripe/_subscription.py, canceled_at.
    asked = now if at is None else subscription["canceled_at"]
    subscription.update(status="canceled", canceled_at=asked, ended_at=at or now)
    subscription["cancellation_details"]["reason"] = reason
    account.record("customer.subscription.deleted", subscription, cause)


def end_all_of(account: Account, customer_id: str, cause: Cause) -> None:
    """A customer that is deleted pays no more: params/_customer_delete_params.py and the API's reference say so."""
    for subscription in account.subscriptions.values():
        if subscription["customer"] == customer_id and subscription["status"] not in _ENDED:
            end(account, subscription, "cancellation_requested", cause)


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("subscriptions", call.path_id)


def cancel(account: Account, call: Call) -> JsonObject:
    for name in call.params:
        if name != "expand":
            raise not_implemented(f"the parameter {name} of canceling subscriptions", param=name)
    subscription = account.find("subscriptions", call.path_id)
    if subscription["status"] in _ENDED:
        raise resource_missing("subscription", call.path_id)
    end(account, subscription, "cancellation_requested", call.cause)
    return subscription


def list_subscriptions(account: Account, call: Call) -> JsonObject:
    params = call.params
    for name in params:
        if name not in ("customer", "price", "status", "created", "limit", "starting_after", "ending_before", "expand"):
            raise not_implemented(f"listing subscriptions by {name}", param=name)
    if "customer" in params:
        account.find("customers", params["customer"], param="customer", status=400)
    matching = (
        one
        for one in account.subscriptions.values()
        if params.get("customer") in (None, one["customer"])
        and params.get("price") in (None, one["items"]["data"][0]["price"]["id"])
        and _in_status(one["status"], params.get("status"))
    )
    return page(account, "subscriptions", matching, params, "/v1/subscriptions")


def _in_status(status: str, wanted: str | None) -> bool:
    """As params/_subscription_list_params.py has it: without a status, all that were not canceled."""
    if wanted is None:
        return status != "canceled"
    if wanted == "ended":
        return status in _ENDED
    return wanted in ("all", status)


def pretend(account: Account, subscription: JsonObject, status: str, cause: Cause) -> None:
    """What a month's end may bring: the renewal is paid (active), refused (past_due), given up (unpaid, canceled)."""
    if subscription["status"] in _ENDED:
        raise StripeError("This subscription has ended.", status=409)
    if status == "canceled":
        end(account, subscription, "payment_failed", cause)
        return
    invoice = account.invoices[subscription["latest_invoice"]]
    if invoice["status"] == "paid" and status != "active":
        invoice = invoices.new_invoice(account, subscription, invoice["total"], "subscription_cycle", cause)
    if status != "active":
        invoices.fail(account, invoice, cause)
    elif invoice["status"] == "open":
        invoices.pay(account, invoice, cause)
    change_status(account, subscription, status, cause)
