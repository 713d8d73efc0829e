"""Customer portal sessions: https://docs.stripe.com/api/customer_portal/sessions. Each is one visit of one customer.

The URL is all that a visitor needs, so it is short-lived: five minutes until the first visit, and an hour after the
last thing done in it (https://docs.stripe.com/customer-management/integrate-customer-portal).
"""

from batteries_sandbox.stripe.account import Account, PortalVisit
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import not_implemented, parameter_missing
from batteries_sandbox.stripe.limits import check_url
from batteries_sandbox.stripe.objects import JsonObject, new_id, random_text
from batteries_sandbox.stripe.portal_configurations import chosen

_SUPPORTED = frozenset({"configuration", "customer", "expand", "locale", "return_url"})
_UNVISITED_SECONDS, _IDLE_SECONDS = 5 * 60, 60 * 60


def create(account: Account, call: Call) -> JsonObject:
    params = call.params
    for name in params:
        if name not in _SUPPORTED:
            raise not_implemented(f"the parameter {name} of portal sessions", param=name)
    if "customer" not in params:
        raise parameter_missing("customer")
    customer = account.find_customer(params["customer"], param="customer", status=400)
    if "return_url" in params:
        check_url(params["return_url"], "return_url")
    configuration = chosen(account, params.get("configuration"))
    mode, token = "live" if account.livemode else "test", random_text(48)
    session: JsonObject = {
        "id": new_id("bps_"),
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": configuration["id"],
        "created": account.clock.now(),
        "customer": customer["id"],
        "customer_account": None,
        "flow": None,
        "livemode": account.livemode,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{account.base_url}/p/session/{mode}_{token}",
    }
    account.portal_visits[f"{mode}_{token}"] = PortalVisit(session, account.clock.now() + _UNVISITED_SECONDS)
    account.record("billing_portal.session.created", session, call.cause)
    return session


def visited(account: Account, token: str) -> JsonObject | None:
    """The session of a URL, which lives on from now; None if there is none or it has expired."""
    visit, now = account.portal_visits.get(token), account.clock.now()
    if visit is None or visit.expires_at <= now:
        return None
    visit.expires_at = now + _IDLE_SECONDS
    return visit.session
