"""Setup intents: https://docs.stripe.com/api/setup_intents. The record of saving one card.

A checkout makes it and ends it. Stripe makes it together with the session in setup mode (only payment mode defers its
intent: https://docs.stripe.com/changelog/2022-08-01/deferred-paymentintent-checkout-session), so an id in
`session.setup_intent` says nothing about success: its status does.
"""

from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.cards import Decline
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import StripeError, not_implemented
from batteries_sandbox.stripe.objects import JsonObject, new_id, random_text


def new_setup_intent(account: Account, fields: JsonObject, cause: Cause) -> JsonObject:
    """Adds one that waits for a payment method."""
    intent_id = new_id("seti_")
    intent = {
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{random_text(24)}",
        "created": account.clock.now(),
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": account.livemode,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"mandate_options": None, "network": None, "request_three_d_secure": None}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    intent.update(fields)
    account.setup_intents[intent_id] = intent
    account.record("setup_intent.created", intent, cause)
    return intent


def retrieve(account: Account, call: Call) -> JsonObject:
    intent = account.find("setup_intents", call.path_id)
    if "client_secret" in call.params:
        # It goes with a publishable key, in a browser.
        raise not_implemented("retrieval by client_secret", param="client_secret")
    return intent


def succeed(account: Account, intent: JsonObject, method: JsonObject, cause: Cause) -> None:
    intent.update(status="succeeded", payment_method=method["id"], customer=method["customer"], last_setup_error=None)
    account.record("setup_intent.succeeded", intent, cause)


def fail(account: Account, intent: JsonObject, decline: Decline, cause: Cause) -> None:
    """Notes a declined card; the intent goes on waiting for another one."""
    intent["last_setup_error"] = StripeError(
        decline.message, kind="card_error", code=decline.code, decline_code=decline.decline_code
    ).fields
    account.record("setup_intent.setup_failed", intent, cause)


def cancel(account: Account, intent: JsonObject, cause: Cause) -> None:
    """Ends it with its session: params/checkout/_session_expire_params.py is the only way to cancel it."""
    intent.update(status="canceled", cancellation_reason="abandoned")
    account.record("setup_intent.canceled", intent, cause)
