"""One card, one limit; blocked customers; customers who stopped paying: on a real kube-apiserver with the stand-in."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from fakes.callers import Person, admin, begin, sign_up

from batteries_apiserver.app import make_app
from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.reconcile import Reconciler
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources

OTHER_VISA = "4000056655665556"
UNKNOWN = "5b8a54a8-1111-4c11-8a11-0123456789ab"


def live(world: Any) -> Resources[Customer]:
    return Resources(world.api, Customer, "kubectl-patch")


# --- limits


async def test_three_accounts_are_the_usual_limit(world: Any) -> None:
    person = await sign_up(world)
    assert [await person.asks() for _ in range(4)] == [202, 202, 202, 409]


async def test_customers_with_the_same_card_share_one_limit_and_another_card_has_its_own(world: Any) -> None:
    first, second, other = await sign_up(world), await sign_up(world), await sign_up(world, OTHER_VISA)
    assert [await first.asks(), await second.asks(), await first.asks()] == [202, 202, 202]
    for person in (first, second):
        status, answer = await person.send("POST", "/v1/accounts")
        assert (status, answer["code"]) == (409, "account_limit_reached")
    assert "same card" in answer["error"]
    assert [await other.asks() for _ in range(4)] == [202, 202, 202, 409]


async def test_of_many_at_once_by_several_customers_with_one_card_three_get_an_account(world: Any) -> None:
    people = [await sign_up(world) for _ in range(3)]
    answers = await asyncio.gather(*(person.asks() for person in people for _ in range(4)))
    assert sorted(answers) == [202] * 3 + [409] * 9


async def test_what_another_replica_made_for_the_same_card_counts_at_once(
    world: Any, aiohttp_client: Callable[..., Awaitable[Any]]
) -> None:
    first, second = await sign_up(world), await sign_up(world)
    replica = await aiohttp_client(make_app(world.app[SETTINGS]))
    await world.until(lambda: _ready(replica))
    clients = [replica, world.client]
    answers = [await (first, second)[n % 2].asks(clients[n % 2]) for n in range(5)]
    assert answers == [202, 202, 202, 409, 409]


async def _ready(client: Any) -> bool:
    return bool((await client.get("/readyz")).status == 200)


async def test_an_administrator_raises_the_limit_of_one_over_http(world: Any) -> None:
    boss, first, second = await admin(world), await sign_up(world), await sign_up(world)
    for _ in range(2):
        status, shown = await boss.send("PATCH", f"/v1/admin/customers/{first.name}", json={"accountLimit": 5})
        assert (status, shown["accountLimit"], shown["sameCard"]) == (200, 5, [second.name])
    assert [await second.asks() for _ in range(4)] == [202, 202, 202, 409], "its own limit stays"
    assert [await first.asks() for _ in range(3)] == [202, 202, 409], "five together"


async def test_an_administrator_raises_the_limit_with_kubectl(world: Any) -> None:
    person = await sign_up(world)
    assert [await person.asks() for _ in range(4)] == [202, 202, 202, 409]
    await live(world).merge(world.namespace, person.name, {"spec": {"accountLimit": 4}})
    assert [await person.asks() for _ in range(2)] == [202, 409]


async def test_a_card_once_seen_stays_remembered(world: Any) -> None:
    person = await sign_up(world)
    before = await live(world).get(world.namespace, person.name)
    assert before.status.card_fingerprints
    assert before.spec.stripe_customer_id is not None
    cards = await world.stripe("GET", f"/v1/customers/{before.spec.stripe_customer_id}/payment_methods")
    await world.stripe("POST", f"/v1/payment_methods/{cards['data'][0]['id']}/detach")
    await world.until(lambda: _cannot_pay(world, person))
    after = await live(world).get(world.namespace, person.name)
    assert after.status.card_fingerprints == before.status.card_fingerprints
    raw = str(cards["data"][0]["card"]["fingerprint"])
    assert raw not in str(after.to_wire()), "a hash is stored"


async def _cannot_pay(world: Any, person: Person) -> bool:
    return (await live(world).get(world.namespace, person.name)).status.payment_method == "missing"


async def test_customers_of_a_release_before_keep_their_limit_and_get_what_they_lack(world: Any) -> None:
    person = await sign_up(world)
    await without_a_card(world, person)
    await world.until_all_delivered()
    since = to_rfc3339(utc_now() - timedelta(days=60))
    await live(world).merge(world.namespace, person.name, {"spec": {"accountLimit": 100}})
    old = {"cardFingerprints": None, "paymentGraceSince": None, "paymentMethodSince": since}
    await live(world).merge_status(world.namespace, person.name, {"status": old})
    kube = world.app[KUBE]
    reconciler = Reconciler(kube, Customers(kube, world.billing.stripe), seconds=3600)

    async def swept() -> bool:
        await reconciler.sweep()
        status = (await live(world).get(world.namespace, person.name)).status
        return status.card_fingerprints is not None and status.payment_grace_since is not None

    await world.until(swept)
    after = await live(world).get(world.namespace, person.name)
    assert after.spec.account_limit == 100
    assert after.status.payment_method_since is not None
    assert after.status.payment_method_since is not None
    assert to_rfc3339(after.status.payment_method_since) == since
    began = after.status.payment_grace_since
    assert began is not None
    assert utc_now() - began < timedelta(minutes=5), "the grace period begins at the upgrade"


# --- blocked


async def test_a_blocked_customer_may_read_and_nothing_else(world: Any) -> None:
    boss, person = await admin(world), await sign_up(world)
    account = (await person.send("POST", "/v1/accounts"))[1]["accountId"]
    key = (await person.send("POST", "/v1/keys", json={"name": "second"}))[1]["id"]
    for _ in range(2):
        status, shown = await boss.send("POST", f"/v1/admin/customers/{person.name}/block", json={"reason": "fraud"})
        assert (status, shown["blocked"], shown["blockedReason"]) == (200, True, "fraud")
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/accounts", {}),
        ("PATCH", f"/v1/accounts/{account}", {"json": {"githubRepos": []}}),
        ("POST", f"/v1/accounts/{account}/credentials", {}),
        ("POST", "/v1/keys", {"json": {"name": "third"}}),
        ("DELETE", f"/v1/keys/{key}", {}),
    ]
    for method, path, options in writes:
        status, answer = await person.send(method, path, **options)
        assert (status, answer["code"]) == (403, "customer_blocked"), (method, path)
        assert "fraud" not in answer["error"]
    for path in ("/v1/accounts", f"/v1/accounts/{account}", "/v1/keys", f"/v1/accounts/{account}/events"):
        assert (await person.send("GET", path))[0] == 200, path
    for _ in range(2):
        status, shown = await boss.send("POST", f"/v1/admin/customers/{person.name}/unblock")
        assert (status, shown["blocked"], "blockedReason" in shown) == (200, False, False)
    assert await person.asks() == 202


async def test_kubectl_blocks_as_well_and_either_can_undo_the_other(world: Any) -> None:
    boss, person = await admin(world), await sign_up(world)
    await live(world).merge(world.namespace, person.name, {"spec": {"blocked": True}})
    assert await person.asks() == 403, "also before the cache has heard of it"
    assert (await boss.send("POST", f"/v1/admin/customers/{person.name}/unblock"))[0] == 200
    assert await person.asks() == 202
    assert (await boss.send("POST", f"/v1/admin/customers/{person.name}/block"))[0] == 200
    await live(world).merge(world.namespace, person.name, {"spec": {"blocked": False}})

    async def may_ask() -> bool:
        return await person.asks() == 202

    await world.until(may_ask)  # the end of a block is known when the cache hears of it


async def test_who_declares_the_block_is_named(world: Any) -> None:
    boss, person = await admin(world), await sign_up(world)
    git = Resources(world.api, Customer, "argocd-controller")
    await git.apply(world.namespace, person.name, {"spec": {"blocked": False}})
    status, answer = await boss.send("POST", f"/v1/admin/customers/{person.name}/block")
    assert (status, answer["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in answer["error"]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", ""), ("POST", "/block"), ("POST", "/unblock")])
async def test_a_customer_that_there_is_not_is_a_404(world: Any, method: str, path: str) -> None:
    options = {"json": {"accountLimit": 1}} if method == "PATCH" else {}
    status, answer = await (await admin(world)).send(method, f"/v1/admin/customers/{UNKNOWN}{path}", **options)
    assert (status, answer["code"]) == (404, "customer_not_found")


async def test_nobody_signs_up_or_gets_an_account_with_the_card_of_a_blocked_customer(world: Any) -> None:
    boss, person, friend = await admin(world), await sign_up(world), await sign_up(world)
    session = await begin(world)
    await boss.send("POST", f"/v1/admin/customers/{person.name}/block")
    for _ in range(2):
        refused = await world.fetch(session)
        answer = await refused.json()
        assert (refused.status, answer["code"]) == (403, "sign_up_refused")
        assert "card" not in answer["error"]
        assert "block" not in answer["error"]
    status, answer = await friend.send("POST", "/v1/accounts")
    assert (status, answer["code"]) == (403, "accounts_refused")
    assert "block" not in answer["error"]
    assert (await friend.send("POST", "/v1/keys", json={"name": "mine"}))[0] == 201
    stranger = await sign_up(world, OTHER_VISA)
    assert await stranger.asks() == 202
    await boss.send("POST", f"/v1/admin/customers/{person.name}/unblock")
    assert (await world.fetch(session)).status == 200
    assert await friend.asks() == 202


async def test_administrators_see_all_customers_in_pages(world: Any) -> None:
    boss, people = await admin(world), [await sign_up(world) for _ in range(3)]
    await people[0].asks()
    shown = (await boss.send("GET", "/v1/admin/customers"))[1]["customers"]
    assert {one["customerId"] for one in shown} == {person.name for person in people}
    assert sorted(one["accountCount"] for one in shown) == [0, 0, 1]
    assert {(one["accountLimit"], one["paymentMethod"], one["blocked"]) for one in shown} == {(3, "valid", False)}
    assert len((await boss.send("GET", "/v1/admin/customers?limit=2"))[1]["customers"]) == 2
    assert (await people[0].send("GET", "/v1/admin/customers"))[0] == 403


# --- unpaid


async def without_a_card(world: Any, person: Person) -> None:
    customer = await live(world).get(world.namespace, person.name)
    cards = await world.stripe("GET", f"/v1/customers/{customer.spec.stripe_customer_id}/payment_methods")
    await world.stripe("POST", f"/v1/payment_methods/{cards['data'][0]['id']}/detach")

    async def known() -> bool:
        known = world.app[KUBE].caches.customers.get(person.name)
        return known is not None and known.status.payment_grace_since is not None

    await world.until(known)


async def test_without_a_card_no_new_account_at_once_and_the_rest_goes_on_within_the_grace(world: Any) -> None:
    person = await sign_up(world)
    await without_a_card(world, person)
    assert await person.asks() == 402
    assert (await person.send("POST", "/v1/keys", json={"name": "mine"}))[0] == 201


@pytest.mark.parametrize("grace", [1, 0], ids=["over", "never over"])
async def test_past_the_grace_only_reading_and_revoking_go_on(open_world: Any, grace: int) -> None:
    world = await open_world(suspend_unpaid_seconds=grace)
    person = await sign_up(world)
    account = (await person.send("POST", "/v1/accounts"))[1]["accountId"]
    key = (await person.send("POST", "/v1/keys", json={"name": "second"}))[1]["id"]
    customer = await live(world).get(world.namespace, person.name)
    cards = await world.stripe("GET", f"/v1/customers/{customer.spec.stripe_customer_id}/payment_methods")
    await world.stripe("POST", f"/v1/payment_methods/{cards['data'][0]['id']}/detach")
    await world.until(lambda: _cannot_pay(world, person))
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", f"/v1/accounts/{account}", {"json": {"githubRepos": []}}),
        ("POST", f"/v1/accounts/{account}/credentials", {}),
        ("POST", "/v1/keys", {"json": {"name": "third"}}),
    ]
    if grace:
        await world.until(lambda: _answers(person, 402))
    for method, path, options in changes:
        assert ((await person.send(method, path, **options))[0] == 402) is bool(grace), path
    assert (await person.send("GET", f"/v1/accounts/{account}"))[0] == 200
    assert (await person.send("DELETE", f"/v1/keys/{key}"))[0] == 204
    assert (await world.client.post("/v1/stripe/setup", json={"email": "ada@example.com"})).status == 200


async def _answers(person: Person, status: int) -> bool:
    return (await person.send("POST", "/v1/keys", json={"name": "again"}))[0] == status


async def test_a_block_while_a_request_is_on_its_way_leaves_an_account_that_is_never_asked_for(world: Any) -> None:
    """The account may be written; the operator reads its Customer before AWS is asked (see its unit tests)."""
    person = await sign_up(world)
    asking = asyncio.gather(*(person.asks() for _ in range(3)))
    await live(world).merge(world.namespace, person.name, {"spec": {"blocked": True}})
    made = (await asking).count(202)
    accounts = [one async for one in Resources(world.api, AwsAccount, "test").all(world.namespace)]
    assert len(accounts) == made
    assert await person.asks() == 403
