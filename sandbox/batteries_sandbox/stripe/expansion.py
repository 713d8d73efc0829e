"""`expand[]`: ids in an answer become the objects they name (https://docs.stripe.com/api/expanding_objects).

Works on a copy, so what is stored keeps its ids; a path that Stripe can't expand is an error, not ignored.
"""

from copy import deepcopy

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.objects import JsonObject

_MAX_DEPTH = 4

# Per object: its `ExpandableField`s in the library's classes, and the table the id is looked up in. None: the
# stand-in never sets that field, so there is never anything to expand.
_EXPANDABLE: dict[str, dict[str, str | None]] = {
    "checkout.session": {
        "customer": "customers",
        "setup_intent": "setup_intents",
        "invoice": "invoices",
        "payment_intent": None,
        "payment_link": None,
        "subscription": "subscriptions",
    },
    "subscription": {
        "customer": "customers",
        "default_payment_method": "payment_methods",
        "latest_invoice": "invoices",
        "pending_setup_intent": None,
        "schedule": None,
    },
    "invoice": {"customer": "customers", "default_payment_method": "payment_methods"},
    "setup_intent": {
        "customer": "customers",
        "payment_method": "payment_methods",
        "application": None,
        "latest_attempt": None,
        "mandate": None,
        "on_behalf_of": None,
        "single_use_mandate": None,
    },
    "payment_method": {"customer": "customers"},
    "customer": {"default_source": None, "test_clock": None},
}


def expand(account: Account, answer: JsonObject, paths: list[str]) -> JsonObject:
    """Returns the answer with each path expanded."""
    if not paths:
        return answer
    expanded = deepcopy(answer)
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise StripeError(f"You cannot expand more than {_MAX_DEPTH} levels of a property ({path}).")
        _expand(account, expanded, parts, path)
    return expanded


def _expand(account: Account, node: JsonObject, parts: list[str], path: str) -> None:
    head, *rest = parts
    if node["object"] == "list":
        if head != "data" or not rest:
            raise _not_expandable(path)
        for element in node["data"]:
            _expand(account, element, rest, path)
        return
    fields = _EXPANDABLE.get(node["object"], {})
    if head not in fields:
        raise _not_expandable(path)
    kind, value = fields[head], node.get(head)
    if kind is None or value is None:
        return
    if isinstance(value, str):
        node[head] = deepcopy(account.find(kind, value))
    if rest:
        _expand(account, node[head], rest, path)


def _not_expandable(path: str) -> StripeError:
    return StripeError(f"This property cannot be expanded ({path}).", param="expand")
