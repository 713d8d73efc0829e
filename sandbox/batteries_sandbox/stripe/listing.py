"""Stripe's lists: newest first, pages by object id, the same for every kind (https://docs.stripe.com/api/pagination)."""

from collections.abc import Callable, Iterable
from typing import Any

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.errors import StripeError, exclusive_parameters
from batteries_sandbox.stripe.objects import JsonObject

_DEFAULT_LIMIT, _MAX_LIMIT = 10, 100

_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}


def page(account: Account, kind: str, matching: Iterable[JsonObject], params: JsonObject, url: str) -> JsonObject:
    """Cuts one page out of the matching objects, which come oldest first."""
    limit = _limit(params.get("limit", _DEFAULT_LIMIT))
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise exclusive_parameters("starting_after", "ending_before")
    found = [thing for thing in matching if _created_within(thing, params.get("created"))]
    found.reverse()
    if after is not None:
        found = found[_position(account, kind, found, after, "starting_after") + 1 :]
    if before is not None:
        # The page that ends just before that object, still newest first.
        found = found[: _position(account, kind, found, before, "ending_before")]
        return _list(found[-limit:], url, has_more=len(found) > limit)
    return _list(found[:limit], url, has_more=len(found) > limit)


def _list(data: list[JsonObject], url: str, *, has_more: bool) -> JsonObject:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _limit(limit: int) -> int:
    if limit > _MAX_LIMIT:
        raise StripeError(
            f"This value must be less than or equal to {_MAX_LIMIT} (it currently is '{limit}').", param="limit"
        )
    if limit < 1:
        raise StripeError(f"This value must be greater than or equal to 1 (it currently is '{limit}').", param="limit")
    return limit


def _position(account: Account, kind: str, found: list[JsonObject], cursor: str, param: str) -> int:
    account.find(kind, cursor, param=param, status=400)
    for index, thing in enumerate(found):
        if thing["id"] == cursor:
            return index
    raise StripeError(f"The {param} object '{cursor}' is not in this list.", param=param)


def _created_within(thing: JsonObject, bounds: Any) -> bool:
    if bounds is None:
        return True
    created: int = thing["created"]
    if isinstance(bounds, int):
        return created == bounds
    return all(_BOUNDS[name](created, bound) for name, bound in bounds.items())
