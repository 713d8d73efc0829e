"""The Events API: https://docs.stripe.com/api/events. What was recorded, whether or not a webhook ever arrived."""

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.endpoint import Call
from batteries_sandbox.stripe.errors import exclusive_parameters
from batteries_sandbox.stripe.listing import page
from batteries_sandbox.stripe.objects import JsonObject


def retrieve(account: Account, call: Call) -> JsonObject:
    return account.find("events", call.path_id)


def list_events(account: Account, call: Call) -> JsonObject:
    params = call.params
    if "type" in params and "types" in params:
        raise exclusive_parameters("type", "types")
    wanted = params.get("types") or ([params["type"]] if "type" in params else [])
    delivered = params.get("delivery_success")
    matching = (
        event
        for event in account.events.values()
        if (not wanted or any(_matches(event["type"], pattern) for pattern in wanted))
        and (delivered is None or delivered == (event["pending_webhooks"] == 0))
    )
    return page(account, "events", matching, params, "/v1/events")


def _matches(kind: str, pattern: str) -> bool:
    """A pattern is a type, or a group of types that ends in `.*`."""
    return kind.startswith(pattern[:-1]) if pattern.endswith(".*") else kind == pattern
