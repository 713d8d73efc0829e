"""Stripe's customer portal over HTTP: opened with an API key, used as a person would, and what the API then says."""

from typing import Any

import structlog

from batteries_apiserver.kube.clients import KUBE
from batteries_crds.customer import Customer, PaymentMethod

SUBSCRIPTION = {"stripe_price_id": "price_standin_monthly"}
CARD = {"cardNumber": "5555555555554444", "cardExpiry": "12/34", "cardCvc": "123"}


async def signed_up(world: Any) -> str:
    """The key of a new customer."""
    session_id = await world.setup()
    await world.complete(session_id)
    key = (await (await world.fetch(session_id)).json())["apiKey"]
    await world.until_all_delivered()
    return str(key)


def of(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def opened(world: Any, key: str) -> dict[str, Any]:
    answer = await world.client.post("/v1/stripe/portal", headers=of(key))
    assert answer.status == 200, await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(await answer.json())


async def subscription_of(world: Any, customer: Customer) -> str:
    listed = await world.stripe("GET", f"/v1/subscriptions?customer={customer.spec.stripe_customer_id}")
    return str(listed["data"][0]["id"])


async def do(world: Any, url: str, action: str, **fields: str) -> int:
    async with world.http.post(url, data={"action": action, **fields}, allow_redirects=False) as answer:
        return int(answer.status)


async def payment(world: Any, key: str) -> dict[str, Any]:
    return dict((await (await world.client.get("/v1/customer", headers=of(key))).json())["payment"])


async def becomes(world: Any, key: str, **wanted: Any) -> dict[str, Any]:
    """Waits until the customer is told that of the payment; None: it has no such field."""
    found: dict[str, Any] = {}

    async def told() -> bool:
        found.clear()
        found.update(await payment(world, key))
        return all(found.get(name) == value for name, value in wanted.items())

    await world.until(told)
    return found


async def test_cancelling_in_the_portal_tells_ahead_and_renewing_takes_it_back(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION, payment_close_after_seconds=30 * 86_400)
    key = await signed_up(world)
    where = await opened(world, key)
    assert where.keys() == {"url"}
    async with world.http.get(where["url"]) as page:
        assert "/checkout/returned" in await page.text()
    [customer] = await world.customers()
    subscription = await subscription_of(world, customer)
    assert await do(world, where["url"], "cancel", subscription=subscription) == 303

    async def told() -> bool:
        return "paidUntil" in await payment(world, key)

    await world.until(told)
    found = await payment(world, key)
    assert found["method"] == "valid"
    assert found["paidUntil"] < found["suspendsAt"] < found["closesAt"]
    assert await world.ask_for_an_account(key) == 202
    assert await do(world, where["url"], "renew", subscription=subscription) == 303
    await becomes(world, key, method="valid", paidUntil=None, suspendsAt=None, closesAt=None)


async def test_who_left_comes_back_by_another_subscription_that_gives_out_no_key(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION)
    key = await signed_up(world)
    await world.stripe("POST", "/_standin/portal", cancel="immediately")
    [customer] = await world.customers()
    subscription = await subscription_of(world, customer)
    assert await do(world, (await opened(world, key))["url"], "cancel", subscription=subscription) == 303
    await becomes(world, key, method="missing", reason="NoSubscription")
    assert await world.ask_for_an_account(key) == 402
    where = await opened(world, key)
    assert (await opened(world, key))["subscribeUrl"] == where["subscribeUrl"]
    session_id = where["subscribeUrl"].rsplit("/", 1)[1]
    session = await world.stripe("GET", f"/v1/checkout/sessions/{session_id}")
    assert session["customer"] == customer.spec.stripe_customer_id
    await world.complete(session_id)
    await becomes(world, key, method="valid", reason="SubscriptionPaid", suspendsAt=None)
    assert await world.ask_for_an_account(key) == 202
    assert (await world.fetch(session_id)).status == 404
    assert len(await world.customers()) == 1
    assert (await opened(world, key)).keys() == {"url"}


async def test_without_a_price_removing_the_card_stops_and_another_one_lifts_it(world: Any) -> None:
    key = await signed_up(world)
    [customer] = await world.customers()
    cards = await world.stripe("GET", f"/v1/customers/{customer.spec.stripe_customer_id}/payment_methods")
    url = (await opened(world, key))["url"]
    assert await do(world, url, "remove_card", payment_method=cards["data"][0]["id"]) == 303
    found = await becomes(world, key, method="missing", reason="NoPaymentMethod")
    assert "suspendsAt" in found
    again = await opened(world, key)
    assert again.keys() == {"url"}
    assert await do(world, again["url"], "add_card", **CARD) == 303
    await becomes(world, key, method="valid", suspendsAt=None)


async def test_a_blocked_and_unpaid_customer_reaches_the_portal_but_is_sold_nothing(open_world: Any) -> None:
    world = await open_world(**SUBSCRIPTION, suspend_unpaid_seconds=0.1)
    key = await signed_up(world)
    [customer] = await world.customers()
    subscription = await subscription_of(world, customer)
    await world.stripe("DELETE", f"/v1/subscriptions/{subscription}")
    await world.until_payment_is(PaymentMethod.MISSING)
    kube = world.app[KUBE]
    await kube.blocks.merge(world.namespace, customer.metadata.name, {"spec": {"blocked": True}})
    await world.until(lambda: _is_blocked(world, key))
    assert (await opened(world, key)).keys() == {"url"}


async def _is_blocked(world: Any, key: str) -> bool:
    return bool((await (await world.client.get("/v1/customer", headers=of(key))).json())["blocked"])


async def test_a_portal_that_nobody_has_set_up_is_a_503_that_tells_both_sides_what_to_do(world: Any) -> None:
    key = await signed_up(world)
    await world.stripe("POST", "/_standin/portal", cancel="none")
    with structlog.testing.capture_logs() as logs:
        answer = await world.client.post("/v1/stripe/portal", headers=of(key))
    assert answer.status == 503
    assert (await answer.json())["code"] == "portal_not_configured"
    [line] = [line for line in logs if line["event"] == "stripe_portal_not_set_up"]
    assert "https://dashboard.stripe.com/settings/billing/portal" in line["to_do"]


async def test_a_configuration_of_ones_own_is_used_and_a_wrong_one_is_the_same_503(open_world: Any) -> None:
    world = await open_world(stripe_portal_configuration="bpc_nothing")
    key = await signed_up(world)
    answer = await world.client.post("/v1/stripe/portal", headers=of(key))
    assert (answer.status, (await answer.json())["code"]) == (503, "portal_not_configured")


async def test_who_has_nothing_at_stripe_gets_a_409(world: Any) -> None:
    key = await signed_up(world)
    [customer] = await world.customers()
    stripe_id = customer.spec.stripe_customer_id
    await world.stripe("DELETE", f"/v1/customers/{stripe_id}")
    answer = await world.client.post("/v1/stripe/portal", headers=of(key))
    assert (answer.status, (await answer.json())["code"]) == (409, "no_stripe_customer")


async def test_the_portal_is_asked_for_only_so_often(open_world: Any) -> None:
    world = await open_world(rate_limit_sign_up=5)
    key = await signed_up(world)
    statuses = [(await world.client.post("/v1/stripe/portal", headers=of(key))).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
