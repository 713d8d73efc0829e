"""Which checkouts are ours, and what is asked of Stripe for a new one."""

from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.sessions import session_of
from batteries_apiserver.http.errors import BadRequest, Unavailable

InvalidRequestError: Any = stripe.InvalidRequestError

CUSTOMER = {"id": "cus_1", "created": 100}
SUCCESS_URL = "https://api.example.com/checkout/complete"


class Checkouts:
    """Stripe's sessions: it returns one, and keeps what it was asked."""

    def __init__(self, raw: dict[str, Any] | None = None, *, livemode: bool = False, error: Any = None) -> None:
        self._raw, self._livemode, self._error = raw or {}, livemode, error
        self.asked: list[Any] = []

    async def retrieve_async(self, session_id: str, params: dict[str, Any]) -> Any:
        self.asked.append((session_id, params))
        if self._error is not None:
            raise self._error
        return SimpleNamespace(livemode=self._livemode, to_dict=lambda: self._raw)

    async def create_async(self, params: dict[str, Any], options: dict[str, Any]) -> Any:
        self.asked.append((params, options))
        if self._error is not None:
            raise self._error
        return SimpleNamespace(**{"id": "cs_1", "url": "https://stripe", **self._raw})


def gateway_of(checkouts: Checkouts, *, price: str | None = None, livemode: bool = False) -> StripeGateway:
    async def installation() -> str:
        return "this"

    client: Any = SimpleNamespace(v1=SimpleNamespace(checkout=SimpleNamespace(sessions=checkouts)))
    return StripeGateway(client, None, price, livemode=livemode, installation=installation, success_url=SUCCESS_URL)


async def new(checkouts: Checkouts, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"success_url": "https://s", "cancel_url": "https://c", "claim_digest": None, **changes}
    price = asked.pop("price", None)
    await gateway_of(checkouts, price=price).new_session("a@example.com", **asked)
    params: dict[str, Any] = checkouts.asked[-1][0]
    return params


async def test_without_a_price_a_checkout_keeps_a_card_for_a_new_customer() -> None:
    asked = await new(Checkouts())
    assert (asked["mode"], asked["customer_creation"]) == ("setup", "always")
    assert (asked["customer_email"], asked["success_url"], asked["cancel_url"]) == (
        "a@example.com",
        "https://s",
        "https://c",
    )
    assert asked["metadata"]["installation"] == "this"
    assert "line_items" not in asked


async def test_with_a_price_a_checkout_sells_one_and_marks_the_subscription() -> None:
    asked = await new(Checkouts(), price="price_1")
    assert (asked["mode"], asked["line_items"]) == ("subscription", [{"price": "price_1", "quantity": 1}])
    assert asked["subscription_data"]["metadata"] == asked["metadata"]


async def test_each_checkout_is_asked_for_under_a_key_of_its_own() -> None:
    checkouts = Checkouts()
    await new(checkouts)
    await new(checkouts)
    keys = [options["idempotency_key"] for _, options in checkouts.asked]
    assert len(set(keys)) == 2
    assert all(key.startswith("checkout-") for key in keys)


async def test_the_hash_of_a_claim_secret_is_kept_at_stripe() -> None:
    plain, secret = await new(Checkouts()), await new(Checkouts(), claim_digest="abc")
    assert secret["metadata"] == {**plain["metadata"], "claim_sha256": "abc"}


async def test_an_address_that_stripe_refuses_is_the_callers_fault_and_nothing_else_is() -> None:
    with pytest.raises(BadRequest) as refused:
        await new(Checkouts(error=InvalidRequestError("Invalid email", param="customer_email")))
    assert refused.value.code == "invalid_email"
    with pytest.raises(Unavailable):
        await new(Checkouts(error=InvalidRequestError("No such price", param="line_items")))


async def test_a_checkout_without_a_page_is_of_no_use() -> None:
    with pytest.raises(Unavailable):
        await new(Checkouts({"url": None}))


async def marks() -> dict[str, str]:
    """As our own checkouts are marked."""
    found: dict[str, str] = (await new(Checkouts()))["metadata"]
    return found


def raw(metadata: dict[str, str] | None, **changes: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "created": 50,
        "status": "complete",
        "payment_status": "paid",
        "metadata": metadata,
        "customer": CUSTOMER,
        "customer_details": {"email": "a@example.com"},
        **changes,
    }


async def test_a_checkout_of_this_installation_is_read_with_its_customer() -> None:
    checkouts = Checkouts(raw(await marks()))
    found = await gateway_of(checkouts).session("cs_1")
    assert found is not None
    assert found.completed is not None
    assert checkouts.asked == [("cs_1", {"expand": ["customer"]})]
    assert await gateway_of(checkouts).completed_session("cs_1") == found.completed


@pytest.mark.parametrize("livemode", [True, False])
async def test_a_checkout_of_the_other_mode_is_not_ours(livemode: bool) -> None:
    checkouts = Checkouts(raw(await marks()), livemode=livemode)
    assert (await gateway_of(checkouts, livemode=True).session("cs_1") is not None) is livemode


@pytest.mark.parametrize(
    ("changes", "url", "ours"),
    [
        ({}, "https://elsewhere", True),
        ({"installation": "another"}, SUCCESS_URL, False),
        ({"installation": None}, SUCCESS_URL, True),
        ({"installation": None}, "https://elsewhere", False),
        ({"product": "another"}, SUCCESS_URL, False),
    ],
)
async def test_a_checkout_is_ours_by_its_marks_and_an_old_one_by_its_page(
    changes: dict[str, Any], url: str, ours: bool
) -> None:
    own = await marks()
    [product] = own.keys() - {"installation"}
    marked = {**own, **{product if name == "product" else name: value for name, value in changes.items()}}
    checkouts = Checkouts(raw({k: v for k, v in marked.items() if v is not None}, success_url=url))
    gateway = gateway_of(checkouts)
    assert (await gateway.session("cs_1") is not None) is ours
    assert (await gateway.completed_session("cs_1") is not None) is ours


async def test_a_checkout_without_marks_is_nobodys() -> None:
    assert await gateway_of(Checkouts(raw(None, success_url=SUCCESS_URL))).session("cs_1") is None


async def test_only_a_404_means_that_there_is_no_checkout() -> None:
    gone = InvalidRequestError("No such checkout", param="session", http_status=404)
    assert await gateway_of(Checkouts(error=gone)).session("cs_1") is None
    assert await gateway_of(Checkouts(error=gone)).completed_session("cs_1") is None
    with pytest.raises(Unavailable):
        await gateway_of(Checkouts(error=InvalidRequestError("?", param="x", http_status=400))).session("cs_1")


@pytest.mark.parametrize(
    ("status", "payment", "completed", "waiting", "expired"),
    [
        ("open", "unpaid", False, True, False),
        ("complete", "paid", True, False, False),
        ("complete", "no_payment_required", True, False, False),
        ("complete", "unpaid", False, True, False),
        ("expired", "unpaid", False, False, True),
    ],
)
def test_how_far_a_checkout_is(status: str, payment: str, completed: bool, waiting: bool, expired: bool) -> None:
    found = session_of(raw({"claim_sha256": "abc"}, status=status, payment_status=payment))
    assert (found.completed is not None, found.is_waiting, found.is_expired) == (completed, waiting, expired)
    assert found.claim_digest == "abc"
    assert session_of(raw(None)).claim_digest is None


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": None},
        {"customer": "cus_1"},
        {"customer": {**CUSTOMER, "deleted": True}},
        {"customer_details": None},
        {"customer_details": {"email": None}},
    ],
)
def test_a_checkout_without_a_customer_or_an_address_is_of_no_use(changes: dict[str, Any]) -> None:
    assert session_of(raw({}, **changes)).completed is None


@pytest.mark.parametrize(("created", "of_customer"), [(50, 100), (100, 50)])
def test_it_was_completed_when_the_later_of_the_two_was_made(created: int, of_customer: int) -> None:
    found = session_of(raw({}, created=created, customer={**CUSTOMER, "created": of_customer})).completed
    assert found is not None
    assert found.completed_at.timestamp() == 100
    assert (found.session_id, found.customer_id, found.email) == ("cs_1", "cus_1", "a@example.com")
