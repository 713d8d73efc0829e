"""What blocked and unpaid customers may still do."""

from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import Client, World, error_of

from batteries_apiserver.auth.customer_checks import refuse, same_card, shares_card_with_blocked
from batteries_apiserver.http.errors import ApiError
from batteries_apiserver.http.route import CustomerRequirement as Needs
from batteries_crds.base import to_rfc3339, utc_now


def add(world: World, name: str = "c", *, live_only: bool = False, **changes: Any) -> Any:
    spec = {"email": "a@example.com", "blocked": changes.pop("blocked", False)}
    return world.add("customers", name, spec, {"paymentMethod": "valid", **changes}, live_only=live_only)


def unpaid(world: World, grace_over: bool) -> dict[str, Any]:
    grace = world.kube.unpaid_grace
    assert grace is not None
    since = utc_now() - grace + timedelta(seconds=-1 if grace_over else 60)
    return {"paymentMethod": "missing", "paymentGraceSince": to_rfc3339(since)}


async def refusal(world: World, needs: Needs) -> str | None:
    try:
        await refuse(world.kube, "c", needs)
    except ApiError as error:
        return error.code
    return None


@pytest.mark.parametrize("live_only", [False, True], ids=["cached", "live"])
async def test_a_blocked_customer_may_only_read(world: World, live_only: bool) -> None:
    add(world, blocked=True, live_only=live_only)
    found = {needs: await refusal(world, needs) for needs in Needs}
    assert found.pop(Needs.ANY) is None
    assert set(found.values()) == {"customer_blocked"}


@pytest.mark.parametrize("grace_over", [False, True])
async def test_after_the_grace_who_does_not_pay_may_change_nothing_that_costs(world: World, grace_over: bool) -> None:
    add(world, **unpaid(world, grace_over))
    found = {needs: await refusal(world, needs) for needs in Needs}
    assert found.pop(Needs.PAYS) == ("payment_method_required" if grace_over else None)
    assert set(found.values()) == {None}


async def test_a_customer_who_is_known_is_not_read_again(world: World) -> None:
    add(world)
    assert await refusal(world, Needs.PAYS) is None
    assert world.reads("customers") == 0


async def test_a_customer_whom_another_replica_made_just_now_is_read_once(world: World) -> None:
    add(world, live_only=True)
    for _ in range(3):
        assert await refusal(world, Needs.PAYS) is None
    assert world.reads("customers") == 1


async def test_a_customer_who_is_gone_is_not_refused_here(world: World) -> None:
    assert {await refusal(world, needs) for needs in Needs} == {None}


async def test_the_routes_of_a_blocked_customer_are_refused(client: Client, world: World) -> None:
    add(world, blocked=True)
    assert (await client.get("/v1/accounts", headers=world.headers)).status == 200
    response = await client.post("/v1/accounts", headers=world.headers, json={})
    assert (response.status, await error_of(response)) == (403, "customer_blocked")


async def test_cards_connect_customers_also_through_others(world: World) -> None:
    first = add(world, "a", cardFingerprints=["1"])
    add(world, "b", cardFingerprints=["1", "2"])
    add(world, "d", cardFingerprints=["2"])
    add(world, "e", cardFingerprints=["3"])
    alone = add(world, "f")
    assert sorted(one.metadata.name for one in same_card(world.kube, first)) == ["a", "b", "d"]
    assert [one.metadata.name for one in same_card(world.kube, alone)] == ["f"]


async def test_a_blocked_customer_is_known_by_every_card_of_the_chain(world: World) -> None:
    first = add(world, "a", cardFingerprints=["1"])
    add(world, "b", cardFingerprints=["1", "2"])
    assert not shares_card_with_blocked(world.kube, first)
    add(world, "d", cardFingerprints=["2"], blocked=True)
    assert shares_card_with_blocked(world.kube, first)
    assert not shares_card_with_blocked(world.kube, add(world, "e", cardFingerprints=["3"]))


async def test_who_shares_a_card_with_a_blocked_one_gets_no_account(client: Client, world: World) -> None:
    add(world, cardFingerprints=["1"])
    add(world, "b", cardFingerprints=["1"], blocked=True)
    response = await client.post("/v1/accounts", headers=world.headers, json={})
    assert (response.status, await error_of(response)) == (403, "accounts_refused")


async def test_customers_with_one_card_share_the_largest_of_their_limits(client: Client, world: World) -> None:
    for name, limit in (("c", 2), ("b", 3)):
        spec = {"email": "a@example.com", "accountLimit": limit}
        world.add("customers", name, spec, {"paymentMethod": "valid", "cardFingerprints": ["1"]})
    for number in range(2):
        world.add_account(f"5b8a54a8-4444-4c11-8a11-0123456789{number:02}", owner="b")
    assert (await client.post("/v1/accounts", headers=world.headers, json={})).status == 202
    response = await client.post("/v1/accounts", headers=world.headers, json={})
    assert (response.status, await error_of(response)) == (409, "account_limit_reached")
    assert "share one limit (3)" in (await response.json())["error"]
