"""What Stripe checks about a Checkout Session's parameters beyond their types, for mode=setup and mode=subscription.

Source of the rules: the library's params/checkout/_session_create_params.py, which says which parameter goes with
which mode, and https://docs.stripe.com/api/checkout/sessions/create. What Stripe takes and the stand-in does not act
on is refused, never ignored.
"""

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.errors import StripeError, exclusive_parameters, not_implemented, parameter_missing
from batteries_sandbox.stripe.limits import check_currency, check_email, check_length, check_metadata, check_url
from batteries_sandbox.stripe.objects import JsonObject

_SUPPORTED = frozenset(
    {
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "currency",
        "custom_text",
        "customer",
        "customer_creation",
        "customer_email",
        "expand",
        "expires_at",
        "integration_identifier",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "origin_context",
        "payment_method_collection",
        "setup_intent_data",
        "subscription_data",
        "success_url",
        "ui_mode",
    }
)

# Parameters that belong to other modes: an error at Stripe itself.
_OTHER_MODES = {
    "setup": frozenset(
        {
            "discounts",
            "invoice_creation",
            "line_items",
            "optional_items",
            "payment_intent_data",
            "payment_method_collection",
            "saved_payment_method_options",
            "shipping_options",
            "submit_type",
            "subscription_data",
        }
    ),
    "subscription": frozenset(
        {"customer_creation", "invoice_creation", "payment_intent_data", "setup_intent_data", "shipping_options"}
    ),
}

_SHORTEST, _LONGEST = 30 * 60, 24 * 60 * 60


def check_session(account: Account, params: JsonObject) -> None:
    """Refuses what Stripe would refuse, in Stripe's order as far as known: the mode first, objects named last."""
    _check_mode(params)
    _check_supported(params)
    _check_urls(params)
    _check_payment_methods(params)
    if params["mode"] == "subscription":
        _check_line_items(account, params)
    _check_customer(account, params)
    _check_texts(params)
    if "expires_at" in params:
        _check_expiry(params["expires_at"] - account.clock.now())


def _check_mode(params: JsonObject) -> None:
    if "mode" not in params:
        raise parameter_missing("mode")
    if params["mode"] not in _OTHER_MODES:
        raise not_implemented(f"mode={params['mode']} of Checkout Sessions", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_implemented(f"ui_mode={params['ui_mode']} of Checkout Sessions", param="ui_mode")


def _check_supported(params: JsonObject) -> None:
    for name in params:
        if name in _OTHER_MODES[params["mode"]]:
            raise StripeError(f"You can not pass `{name}` in `{params['mode']}` mode.", param=name)
        if name not in _SUPPORTED:
            raise not_implemented(f"the parameter {name} of Checkout Sessions", param=name)
    for data in ("setup_intent_data", "subscription_data"):
        for name in params.get(data, {}):
            if name not in ("description", "metadata"):
                raise not_implemented(f"{data}[{name}]", param=f"{data}[{name}]")
    if params.get("payment_method_collection", "always") != "always":
        raise not_implemented("payment_method_collection=if_required", param="payment_method_collection")


def _check_line_items(account: Account, params: JsonObject) -> None:
    """One recurring price that exists and can be sold; several, or a price made inline, are not implemented."""
    lines = params.get("line_items")
    if not lines:
        raise parameter_missing("line_items")
    if len(lines) > 1:
        raise not_implemented("more than one line item", param="line_items[1]")
    _check_line(account, lines[0])


def _check_line(account: Account, line: JsonObject) -> None:
    for name in line:
        if name not in ("price", "quantity"):
            raise not_implemented(f"line_items[0][{name}]", param=f"line_items[0][{name}]")
    if "price" not in line:
        raise parameter_missing("line_items[0][price]")
    account.find("prices", line["price"], param="line_items[0][price]", status=400)
    quantity = line.get("quantity")
    if quantity is None:
        raise StripeError("Quantity is required. Add `quantity` to `line_items[0]`", param="line_items[0][quantity]")
    if quantity < 1:
        raise StripeError("This value must be greater than or equal to 1.", param="line_items[0][quantity]")


def _check_urls(params: JsonObject) -> None:
    if "success_url" not in params:
        raise parameter_missing("success_url")
    for name in ("success_url", "cancel_url"):
        if name in params:
            check_url(params[name], name)


def _check_payment_methods(params: JsonObject) -> None:
    allowed = params.get("allowed_payment_method_types")
    if "currency" in params:
        check_currency(params["currency"])
    elif not allowed and params["mode"] == "setup":
        raise parameter_missing("currency")
    if allowed is not None and "card" not in allowed:
        # Cards are what this account has; Stripe answers so when no allowed type is active.
        raise StripeError(
            "No valid payment method types for this Checkout Session. Please ensure that you have activated payment"
            " methods compatible with your chosen currency in your dashboard.",
            param="allowed_payment_method_types",
        )


def _check_customer(account: Account, params: JsonObject) -> None:
    if "customer" in params and "customer_email" in params:
        raise exclusive_parameters("customer", "customer_email")
    if "customer" in params and "customer_creation" in params:
        raise exclusive_parameters("customer", "customer_creation")
    if "customer_email" in params:
        check_email(params["customer_email"], "customer_email")
    if "customer" in params:
        account.find_customer(params["customer"], param="customer", status=400)


def _check_texts(params: JsonObject) -> None:
    check_length(params.get("client_reference_id", ""), 200, "client_reference_id")
    _check_custom_text(params)
    datas = ("setup_intent_data", "subscription_data")
    check_metadata(params.get("metadata") or {})
    for name in datas:
        check_metadata(params.get(name, {}).get("metadata") or {}, f"{name}[metadata]")


def _check_custom_text(params: JsonObject) -> None:
    """Each message has up to 1200 characters; two of the places belong to what this stand-in refuses."""
    for place, text in (params.get("custom_text") or {}).items():
        if text == "":
            continue
        name = f"custom_text[{place}]"
        if place in ("shipping_address", "terms_of_service_acceptance"):
            raise not_implemented(name, param=name)
        check_length(text["message"], 1200, f"{name}[message]")


def _check_expiry(lifetime: int) -> None:
    if lifetime < _SHORTEST:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    # The full 24 hours are refused, though they are the default: "must be less than 24 hours", as seen in the field
    # (alexmorrisnz/moodle-paygw_stripe#72).
    if lifetime >= _LONGEST:
        raise StripeError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
