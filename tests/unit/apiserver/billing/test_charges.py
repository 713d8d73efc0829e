"""What a customer's charges say, and whose a charge is."""

from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from batteries_apiserver.billing.charges import customer_of_charge, problems_of
from batteries_apiserver.http.errors import Unavailable

APIConnectionError: Any = stripe.APIConnectionError
InvalidRequestError: Any = stripe.InvalidRequestError

MAY_NOT = stripe.PermissionError("The key may not read charges.", http_status=403)


def client_of(*charges: dict[str, Any], error: Exception | None = None) -> Any:
    made = [SimpleNamespace(livemode=one.pop("livemode", False), to_dict=lambda one=one: one) for one in charges]
    asked: list[Any] = []

    async def listed(params: dict[str, Any]) -> Any:
        asked.append(params)
        if error is not None:
            raise error
        return SimpleNamespace(data=made)

    async def retrieved(charge_id: str) -> Any:
        asked.append(charge_id)
        if error is not None:
            raise error
        return made[0]

    lists = SimpleNamespace(list_async=listed, retrieve_async=retrieved)
    return SimpleNamespace(v1=SimpleNamespace(charges=lists), asked=asked)


@pytest.mark.parametrize(
    ("charges", "problems"),
    [
        ([], ()),
        ([{"disputed": False, "refunded": False, "amount_refunded": 0}], ()),
        ([{"disputed": True}], ("Disputed",)),
        ([{"refunded": True, "amount_refunded": 500}], ("Refunded",)),
        ([{"refunded": False, "amount_refunded": 1}], ("PartlyRefunded",)),
        ([{"disputed": True, "refunded": True}, {"disputed": True}], ("Disputed", "Refunded")),
        ([{"disputed": True, "livemode": True}], ()),
    ],
)
async def test_each_problem_of_the_keys_mode_is_named_once(
    charges: list[dict[str, Any]], problems: tuple[str, ...]
) -> None:
    client = client_of(*charges)
    assert tuple(one.value for one in await problems_of(client, "cus_1", livemode=False)) == problems
    assert client.asked == [{"customer": "cus_1", "limit": 100}]


async def test_a_key_that_may_not_read_charges_tells_nothing_of_them() -> None:
    assert await problems_of(client_of(error=MAY_NOT), "cus_1", livemode=False) == ()
    assert await customer_of_charge(client_of(error=MAY_NOT), "ch_1") is None


async def test_a_charge_that_stripe_does_not_know_is_nobodys() -> None:
    unknown = InvalidRequestError("No such charge", param="id", http_status=404)
    assert await customer_of_charge(client_of(error=unknown), "ch_1") is None


async def test_stripe_being_down_says_nothing_of_charges() -> None:
    down = client_of(error=APIConnectionError("down"))
    with pytest.raises(Unavailable):
        await problems_of(down, "cus_1", livemode=False)
    with pytest.raises(Unavailable):
        await customer_of_charge(down, "ch_1")


@pytest.mark.parametrize(("customer", "found"), [("cus_1", "cus_1"), (None, None), ({"id": "cus_1"}, None)])
async def test_a_charge_names_its_customer_or_none(customer: Any, found: str | None) -> None:
    client = client_of({"customer": customer})
    assert await customer_of_charge(client, "ch_1") == found
    assert client.asked == ["ch_1"]
