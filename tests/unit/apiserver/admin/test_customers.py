"""Administrators look at customers and make keys for them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of

from batteries_apiserver.auth.key_format import mint
from batteries_crds.payment_dates import PaymentTerms


async def test_an_administrator_makes_a_key_for_a_customer_whose_keys_are_gone(client: Client, world: World) -> None:
    admin = mint()
    world.add_key(admin, role="admin", customerRef=None)
    world.add_customer()
    for _ in range(5):  # more than a customer may have
        world.add_key(mint())
    headers = {"Authorization": f"Bearer {admin.raw}", "Idempotency-Key": "ticket-7"}
    response = await client.post("/v1/admin/customers/c/keys", headers=headers, json={"name": "after the leak"})
    assert response.status == 201, await response.text()
    raw = (await response.json())["key"]
    assert (await client.get("/v1/accounts", headers={"Authorization": f"Bearer {raw}"})).status == 200
    again = await client.post("/v1/admin/customers/c/keys", headers=headers, json={"name": "after the leak"})
    assert (again.status, await error_of(again)) == (409, "key_already_made")
    for nobody in ("d", "%00", "A"):
        response = await client.post(f"/v1/admin/customers/{nobody}/keys", headers=headers, json={"name": "x"})
        assert (response.status, await error_of(response)) == (404, "customer_not_found")
    response = await client.post("/v1/admin/customers/c/keys", headers=world.headers, json={"name": "x"})
    assert (response.status, await error_of(response)) == (403, "admin_key_required")
    [told] = world.items("notifications").values()
    assert (told.spec.kind, told.spec.customer_ref.name) == ("KeyCreated", "c")
    assert told.spec.details["by"] == "by an administrator"


async def test_administrators_see_why_a_customer_can_not_pay_and_what_became_of_charges(
    client: Client, world: World
) -> None:
    admin = mint()
    world.add_key(admin, role="admin", customerRef=None)
    world.add_customer()
    headers = world.headers_of(admin)
    before = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    assert before.keys().isdisjoint({"paymentReason", "paymentProblems"})
    told = {"paymentMethod": "missing", "paymentReason": "InvoicePastDue", "paymentProblems": ["Disputed", "Refunded"]}
    await world.kube.customers.merge_status("n", "c", {"status": told})
    after = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    assert told.items() <= after.items()


@pytest.mark.parametrize(
    ("close_after", "shown"),
    [
        (None, {"suspendsAt": "2099-01-05T00:00:00Z"}),
        (2, {"suspendsAt": "2099-01-05T00:00:00Z", "closesAt": "2099-01-07T00:00:00Z"}),
    ],
)
async def test_administrators_see_since_when_and_until_when_a_customer_has_what(
    world: World, aiohttp_client: Any, close_after: int | None, shown: dict[str, str]
) -> None:
    terms = PaymentTerms(timedelta(days=3), None if close_after is None else timedelta(days=close_after))
    world.kube = replace(world.kube, payment_terms=terms)
    client, headers = await aiohttp_client(world.app()), world.admin()
    world.add_customer()
    dates = {"paymentMethodSince", "paidUntil", "suspendsAt", "closesAt"}
    plain = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    assert plain.keys().isdisjoint(dates)
    status = {"paymentMethodSince": "2026-01-02T03:04:05Z", "paymentEndsAt": "2099-01-02T00:00:00Z"}
    await world.kube.customers.merge_status("n", "c", {"status": status})
    found = await (await client.get("/v1/admin/customers/c", headers=headers)).json()
    wanted = {"paymentMethodSince": "2026-01-02T03:04:05Z", "paidUntil": "2099-01-02T00:00:00Z", **shown}
    assert {name: found[name] for name in dates & found.keys()} == wanted
