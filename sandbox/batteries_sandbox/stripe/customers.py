"""Customers: https://docs.stripe.com/api/customers.

A deleted customer leaves a tombstone: reading it returns `deleted: true`, everything else returns that there is none.
"""

from typing import Any

from batteries_sandbox.stripe import payment_methods, subscriptions
from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import not_implemented
from batteries_sandbox.stripe.limits import check_email, check_length, check_metadata
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject, new_id, random_text

_TEXTS = {"business_name": 150, "description": 5000, "individual_name": 150, "name": 256, "phone": 20}
_SUPPORTED = frozenset({"address", "email", "invoice_settings", "metadata", "preferred_locales", *_TEXTS})
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")

# An empty value unsets these, though the library types them as plain strings.
CLEARABLE = frozenset({"description", "email", "name", "phone"})


def create(account: Account, call: Call) -> JsonObject:
    changes = _checked(account, call.params, None)
    return new_customer(account, changes, call.cause)


def new_customer(account: Account, fields: JsonObject, cause: Cause) -> JsonObject:
    """Adds a customer; called by the API and by a checkout that ends."""
    customer: JsonObject = {
        "id": new_id("cus_"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": account.clock.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": account.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    customer.update(fields)
    account.customers[customer["id"]] = customer
    account.record("customer.created", customer, cause)
    return customer


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("customers", call.path_id)


def update(account: Account, call: Call) -> JsonObject:
    customer = account.find_customer(call.path_id)
    return change(account, customer, _checked(account, call.params, customer), call.cause)


def change(account: Account, customer: JsonObject, changes: JsonObject, cause: Cause) -> JsonObject:
    """Writes what differs, and says so in an event; a change to the same values is no event at Stripe either."""
    previous = {name: customer[name] for name, value in changes.items() if customer[name] != value}
    if previous:
        customer.update(changes)
        account.record("customer.updated", customer, cause, previous)
    return customer


def delete(account: Account, call: Call) -> JsonObject:
    customer = account.find_customer(call.path_id)
    subscriptions.end_all_of(account, customer["id"], call.cause)
    tombstone = {"id": customer["id"], "object": "customer", "deleted": True}
    account.customers[customer["id"]] = tombstone
    # Its cards can't be charged any more. No payment_method.detached is sent for them: whoever needs to know must
    # listen to customer.deleted. (No statement of Stripe's was found either way; this is the stricter.)
    for method in payment_methods.of_customer(account, customer["id"]):
        method["customer"] = None
    account.record("customer.deleted", customer, call.cause)
    return tombstone


def list_customers(account: Account, call: Call) -> JsonObject:
    if "test_clock" in call.params:
        raise not_implemented("test clocks", param="test_clock")
    email = call.params.get("email")
    matching = (
        customer
        for customer in account.customers.values()
        # The filter is case-sensitive: params/_customer_list_params.py.
        if not customer.get("deleted") and (email is None or customer["email"] == email)
    )
    return page(account, "customers", matching, call.params, "/v1/customers")


def list_payment_methods(account: Account, call: Call) -> JsonObject:
    customer = account.find_customer(call.path_id, param="customer")
    wanted = {name: call.params[name] for name in ("type", "allow_redisplay") if name in call.params}
    matching = (
        method
        for method in payment_methods.of_customer(account, customer["id"])
        if all(method[name] == value for name, value in wanted.items())
    )
    url = f"/v1/customers/{customer['id']}/payment_methods"
    return page(account, "payment_methods", matching, call.params, url)


def _checked(account: Account, params: JsonObject, customer: JsonObject | None) -> JsonObject:
    """The fields a request changes, each with its new value."""
    changes: JsonObject = {}
    for name, value in params.items():
        if name == "expand":
            continue
        if name not in _SUPPORTED:
            raise not_implemented(f"the parameter {name} of customers", param=name)
        changes[name] = _field(account, name, value, customer)
    return changes


def _field(account: Account, name: str, value: Any, customer: JsonObject | None) -> Any:
    if name == "metadata":
        return merge_metadata(customer["metadata"] if customer else {}, value)
    if name == "invoice_settings":
        return _invoice_settings(account, value, customer)
    if value == "":
        return None
    if name == "email":
        check_email(value, "email")
    if name in _TEXTS:
        check_length(value, _TEXTS[name], name)
    if name == "address":
        return {part: value.get(part) or None for part in _ADDRESS}
    return value


def merge_metadata(old: JsonObject, new: Any) -> JsonObject:
    """Keys are added and replaced; an empty value drops its key, and empty metadata drops all of them."""
    if new == "":
        return {}
    merged = {key: value for key, value in {**old, **new}.items() if value != ""}
    check_metadata(merged)
    return merged


def _invoice_settings(account: Account, value: JsonObject, customer: JsonObject | None) -> JsonObject:
    for name in value:
        if name != "default_payment_method":
            raise not_implemented(f"invoice_settings[{name}]", param=f"invoice_settings[{name}]")
    wanted = value.get("default_payment_method")
    param = "invoice_settings[default_payment_method]"
    if wanted is not None:
        method = account.find("payment_methods", wanted, param=param, status=400)
        payment_methods.check_belongs(method, customer, param)
    settings: JsonObject = {"custom_fields": None, "footer": None, "rendering_options": None}
    return {**settings, "default_payment_method": wanted}
