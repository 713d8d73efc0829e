"""What the customer portal lets people do: https://docs.stripe.com/api/customer_portal/configurations.

A person saves the default one in Stripe's dashboard, once for each mode; until then sessions can't be created without
naming another. Those that the API makes are never the default. `tools.py` is the dashboard.
"""

from typing import Any

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import StripeError, not_implemented, parameter_missing
from batteries_sandbox.stripe.limits import check_metadata, check_url
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject, new_id

CANCEL_MODES = ("at_period_end", "immediately")

_REASONS = [
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
]


def save_default(account: Account, cancel: str | None) -> JsonObject:
    """A person saves the portal's settings in the dashboard; `cancel`: None if customers can't cancel."""
    for one in account.portal_configurations.values():
        one["is_default"] = False
    wanted: JsonObject = {"payment_method_update": {"enabled": True}, "invoice_history": {"enabled": True}}
    if cancel is not None:
        wanted["subscription_cancel"] = {"enabled": True, "mode": cancel}
    return _add(account, wanted, is_default=True)


def forget_default(account: Account) -> None:
    """As in a Stripe account whose portal nobody has set up."""
    for one in account.portal_configurations.values():
        one["is_default"] = False


def chosen(account: Account, configuration_id: str | None) -> JsonObject:
    """The configuration of a new session, or Stripe's error for there being none."""
    if configuration_id is not None:
        found = account.find("portal_configurations", configuration_id, param="configuration", status=400)
        if not found["active"]:
            raise StripeError(f"The configuration {configuration_id} is not active.", param="configuration")
        return found
    for one in account.portal_configurations.values():
        if one["is_default"]:
            return one
    mode, path = ("live", "") if account.livemode else ("test", "test/")
    # As quoted in many a bug report; the error has no code and no param.
    raise StripeError(
        f"No configuration provided and your {mode} mode default configuration has not been created. Provide a "
        f"configuration or create your default by saving your customer portal settings in {mode} mode at "
        f"https://dashboard.stripe.com/{path}settings/billing/portal."
    )


def create(account: Account, call: Call) -> JsonObject:
    params = call.params
    for name in params:
        if name not in ("features", "metadata", "default_return_url", "expand"):
            raise not_implemented(f"the parameter {name} of portal configurations", param=name)
    if params.get("default_return_url"):
        check_url(params["default_return_url"], "default_return_url")
    check_metadata(params.get("metadata") or {})
    made = _add(account, params["features"], is_default=False)
    made.update(default_return_url=params.get("default_return_url") or None, metadata=params.get("metadata") or {})
    account.record("billing_portal.configuration.created", made, call.cause)
    return made


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("portal_configurations", call.path_id)


def list_configurations(account: Account, call: Call) -> JsonObject:
    wanted = {name: call.params[name] for name in ("active", "is_default") if name in call.params}
    matching = (
        one
        for one in account.portal_configurations.values()
        if all(one[name] == value for name, value in wanted.items())
    )
    return page(account, "portal_configurations", matching, call.params, "/v1/billing_portal/configurations")


def _add(account: Account, features: JsonObject, *, is_default: bool) -> JsonObject:
    now, configuration_id = account.clock.now(), new_id("bpc_")
    made: JsonObject = {
        "id": configuration_id,
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": now,
        "default_return_url": None,
        "features": _features(features),
        "is_default": is_default,
        "livemode": account.livemode,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
    }
    account.portal_configurations[configuration_id] = made
    return made


def _features(wanted: JsonObject) -> JsonObject:
    for name, feature in wanted.items():
        if name in ("subscription_pause", "subscription_update") and feature["enabled"]:
            raise not_implemented(f"features[{name}]", param=f"features[{name}]")
        if name == "customer_update" and feature["enabled"]:
            raise not_implemented("features[customer_update]", param="features[customer_update]")
    return {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": _is_on(wanted, "invoice_history")},
        "payment_method_update": {
            "enabled": _is_on(wanted, "payment_method_update"),
            "payment_method_configuration": None,
        },
        "subscription_cancel": _cancel(wanted.get("subscription_cancel") or {}),
        "subscription_pause": {"enabled": False},
        "subscription_update": {
            "default_allowed_updates": [],
            "enabled": False,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
        },
    }


def _is_on(wanted: JsonObject, name: str) -> bool:
    feature: Any = wanted.get(name) or {"enabled": False}
    if "enabled" not in feature:
        raise parameter_missing(f"features[{name}][enabled]")
    return bool(feature["enabled"])


def _cancel(wanted: JsonObject) -> JsonObject:
    """The mode's default is at_period_end; what is paid back is a matter of invoices, which are not modelled."""
    for name in wanted:
        if name not in ("enabled", "mode"):
            raise not_implemented(
                f"features[subscription_cancel][{name}]", param=f"features[subscription_cancel][{name}]"
            )
    return {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": list(_REASONS)},
        "enabled": bool(wanted.get("enabled", False)),
        "mode": wanted.get("mode", "at_period_end"),
        "proration_behavior": "none",
    }
