"""Checkout Sessions: https://docs.stripe.com/api/checkout/sessions, in setup and in subscription mode.

A session is open, then complete or expired, and never changes after that; it has a URL only while it is open.
`checkout.py` completes one, `expiry.py` expires those whose time has come.
"""

from typing import Any

from batteries_sandbox.stripe import setup_intents
from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import StripeError, not_implemented
from batteries_sandbox.stripe.expiry import end_unpaid, schedule
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject, new_id
from batteries_sandbox.stripe.session_rules import check_session
from batteries_sandbox.stripe.subscriptions import session_line

_DEFAULT_LIFETIME = 24 * 60 * 60

# Fields of other modes and of features that the stand-in refuses; null on a real session too until it is complete.
_ALWAYS_NULL = (
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "amount_subtotal",
    "amount_total",
    "billing_address_collection",
    "branding_settings",
    "client_secret",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer_account",
    "discounts",
    "excluded_payment_method_types",
    "invoice",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "optional_items",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "phone_number_collection",
    "presentment_details",
    "recovered_from",
    "redirect_on_completion",
    "return_url",
    "saved_payment_method_options",
    "shipping_address_collection",
    "shipping_cost",
    "submit_type",
    "subscription",
    "tax_id_collection",
    "total_details",
    "wallet_options",
)

# Parameters that the session does not show, and that its completion needs.
_KEPT = ("line_items", "subscription_data")

# Parameters that the session shows just as they were given.
_SHOWN = (
    "allowed_payment_method_types",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_email",
    "integration_identifier",
    "locale",
    "origin_context",
    "success_url",
)


def create(account: Account, call: Call) -> JsonObject:
    params = call.params
    check_session(account, params)
    session_id, now = new_id("cs_live_" if account.livemode else "cs_test_"), account.clock.now()
    session: JsonObject = {
        "id": session_id,
        "object": "checkout.session",
        **dict.fromkeys(_ALWAYS_NULL),
        **{name: params.get(name) for name in _SHOWN},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": now,
        "custom_fields": [],
        "custom_text": _custom_text(params),
        "customer_details": None,
        "expires_at": params.get("expires_at", now + _DEFAULT_LIFETIME),
        "livemode": account.livemode,
        "metadata": _metadata(params),
        "mode": params["mode"],
        "payment_method_collection": "always",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        **_of_mode(account, params, call.cause),
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
        "url": f"{account.base_url}/c/pay/{session_id}",
    }
    email = prefilled_email(account, session)
    session["customer_details"] = customer_details(email, None) if email else None
    account.sessions[session_id] = session
    account.session_details[session_id] = {name: params[name] for name in _KEPT if name in params}
    if session["mode"] == "subscription":
        line = session_line(account, session_id)
        total = line["price"]["unit_amount"] * line["quantity"]
        session.update(amount_subtotal=total, amount_total=total, currency=line["price"]["currency"])
    schedule(account, session)
    return session


def _of_mode(account: Account, params: JsonObject, cause: Cause) -> JsonObject:
    """What only one of the two modes has. In subscription mode a customer is always made, so there is no choice."""
    if params["mode"] == "subscription":
        return {"customer_creation": None, "payment_status": "unpaid", "setup_intent": None}
    return {
        "customer_creation": None if "customer" in params else params.get("customer_creation", "if_required"),
        "payment_status": "no_payment_required",
        "setup_intent": _new_setup_intent(account, params, cause),
    }


def _new_setup_intent(account: Account, params: JsonObject, cause: Cause) -> str:
    data = params.get("setup_intent_data", {})
    fields = {
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "customer": params.get("customer"),
        "description": data.get("description"),
        "metadata": _metadata(data),
    }
    intent_id: str = setup_intents.new_setup_intent(account, fields, cause)["id"]
    return intent_id


def _metadata(data: JsonObject) -> dict[str, str]:
    given: Any = data.get("metadata") or {}
    return {key: value for key, value in given.items() if value != ""}


def _custom_text(params: JsonObject) -> JsonObject:
    """The message at each place of the page; null where there is none."""
    given: Any = params.get("custom_text") or {}
    paths = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    return {place: given.get(place) or None for place in paths}


def prefilled_email(account: Account, session: JsonObject) -> str | None:
    """The e-mail that the page shows and does not let a person change: the customer's own, or the session's."""
    customer = account.customers.get(session["customer"] or "", {})
    email: str | None = customer.get("email") or session["customer_email"]
    return email


def customer_details(email: str, name: str | None) -> JsonObject:
    """What the person told the page; addresses are not present in setup mode (checkout/_session.py)."""
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("sessions", call.path_id)


def list_sessions(account: Account, call: Call) -> JsonObject:
    params = call.params
    for name in ("customer_account", "payment_intent", "payment_link"):
        if name in params:
            raise not_implemented(f"listing Checkout Sessions by {name}", param=name)
    email = params.get("customer_details", {}).get("email")
    matching = (
        session
        for session in account.sessions.values()
        if all(session[name] == params[name] for name in ("customer", "status", "subscription") if name in params)
        and (email is None or (session["customer_details"] or {}).get("email") == email)
    )
    return page(account, "sessions", matching, params, "/v1/checkout/sessions")


def expire(account: Account, call: Call) -> JsonObject:
    session = account.find("sessions", call.path_id)
    if session["status"] != "open":
        raise StripeError(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {session['status']}.",
            param="session",
        )
    end_unpaid(account, session, call.cause)
    return session
