"""POST /v1/keys: whose key it is, what a repeat gets, which keys count, and for whom there is none."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fakes.api_world import Client, World, error_of

from batteries_apiserver.auth.key_format import digest, mint
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.names import LABEL_CUSTOMER, MAX_LABEL_LENGTH

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


async def make(client: Client, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
    response = await client.post("/v1/keys", headers=headers, json={"name": "CI", **body})
    return response.status, await response.json()


async def test_a_key_is_stored_by_its_hash_and_goes_with_its_customer(client: Client, world: World) -> None:
    customer = world.add_customer()
    status, made = await make(client, world.headers)
    assert status == 201
    stored = world.items("keys")[made["id"]]
    assert (stored.spec.key_hash, stored.spec.key_prefix) == (digest(made["key"]), made["keyPrefix"])
    assert (stored.spec.customer_ref.name, stored.spec.name, stored.spec.expires_at) == ("c", "CI", None)
    assert stored.metadata.labels == {LABEL_CUSTOMER: "c"}
    raw = world.api.cluster.get("ApiKey", "n", made["id"])["metadata"]
    assert [owner["uid"] for owner in raw["ownerReferences"]] == [customer.metadata.uid]
    assert world.kube.caches.keys.get(made["id"]) is not None, "it works on this replica at once"


@pytest.mark.parametrize(("length", "labelled"), [(MAX_LABEL_LENGTH, True), (MAX_LABEL_LENGTH + 1, False)])
async def test_a_customers_name_that_is_no_label_is_none(
    client: Client, world: World, length: int, labelled: bool
) -> None:
    name, key = "c" * length, mint()
    world.add_customer(name)
    world.add_key(key, customerRef={"name": name})
    status, made = await make(client, world.headers_of(key))
    assert status == 201
    assert (LABEL_CUSTOMER in world.items("keys")[made["id"]].metadata.labels) is labelled


@pytest.mark.parametrize("gone", ["deleted", "being deleted"])
async def test_a_customer_who_is_gone_gets_no_key_that_nothing_would_collect(
    client: Client, world: World, gone: str
) -> None:
    if gone == "being deleted":
        meta: dict[str, Any] = {"deletionTimestamp": "2026-11-24T08:00:00Z", "finalizers": ["x"]}
        world.add("customers", "c", {"email": "a@example.com"}, {"paymentMethod": "valid"}, **meta)
    status, refused = await make(client, world.headers)
    assert (status, refused["code"]) == (409, "customer_gone")
    assert len(world.items("keys")) == 1


@pytest.mark.parametrize("cached", [True, False])
async def test_a_repeat_makes_no_second_key_and_names_the_first(client: Client, world: World, cached: bool) -> None:
    world.add_customer()
    headers = {**world.headers, "Idempotency-Key": "once"}
    _, made = await make(client, headers)
    if not cached:
        world.forget("keys", made["id"])
    posts = len([each for each in world.requests("keys") if each.method == "POST"])
    status, refused = await make(client, headers)
    assert (status, refused["code"]) == (409, "key_already_made")
    assert made["id"] in refused["error"]
    assert len(world.items("keys")) == 2
    asked = len([each for each in world.requests("keys") if each.method == "POST"]) - posts
    assert asked == (0 if cached else 1)


async def test_keys_of_a_customer_and_of_an_administrator_are_told_apart(client: Client, world: World) -> None:
    world.add_customer()
    again = {"Idempotency-Key": "once"}
    status, own = await make(client, {**world.headers, **again})
    response = await client.post("/v1/admin/customers/c/keys", headers={**world.admin(), **again}, json={"name": "x"})
    assert (status, response.status) == (201, 201)
    assert (await response.json())["id"] != own["id"]
    world.add_customer("other")
    key = mint()
    world.add_key(key, customerRef={"name": "other"})
    assert (await make(client, {**world.headers_of(key), **again}))[0] == 201


async def test_an_administrator_is_held_by_no_limit_of_keys(client: Client, world: World) -> None:
    world.add_customer()
    for _ in range(3):
        assert (await make(client, world.headers))[0] == 201
    assert (await make(client, world.headers))[1]["code"] == "key_limit_reached"
    response = await client.post("/v1/admin/customers/c/keys", headers=world.admin(), json={"name": "x"})
    assert response.status == 201


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({}, True),
        ({"revokedAt": SECOND}, True),
        ({"revokedAt": DAY - 5 * SECOND}, True),
        ({"revokedAt": DAY + SECOND}, False),
        ({"expiresAt": DAY - 5 * SECOND}, True),
        ({"expiresAt": DAY + SECOND}, False),
        ({"customerRef": {"name": "other"}}, False),
    ],
    ids=str,
)
async def test_a_key_counts_until_a_day_after_its_end(
    client: Client, world: World, spec: dict[str, Any], counts: bool
) -> None:
    world.add_customer()
    given: dict[str, Any] = {k: to_rfc3339(utc_now() - v) if isinstance(v, timedelta) else v for k, v in spec.items()}
    for _ in range(3):
        world.add_key(mint(), **given)
    status, answer = await make(client, world.headers)
    assert status == (409 if counts else 201)
    assert answer.get("code") == ("key_limit_reached" if counts else None)


@pytest.mark.parametrize(("ago", "refused"), [(59, True), (61, False)])
async def test_a_mark_of_another_revocation_counts_for_a_minute(
    client: Client, world: World, ago: int, refused: bool
) -> None:
    other = mint()
    hashes = {"keyPrefix": other.prefix, "keyHash": other.digest}
    asked = {"revocationAskedAt": to_rfc3339(utc_now() - timedelta(seconds=ago))}
    world.add("keys", other.prefix, {"customerRef": {"name": "c"}, **hashes}, asked)
    own = world.items("keys")[world.key.prefix]
    response = await client.delete(f"/v1/keys/{own.key_id}", headers=world.headers)
    assert response.status == (409 if refused else 204)
    marked = world.items("keys")[world.key.prefix].status.revocation_asked_at
    assert (marked is None) is refused, "a refused one takes its mark back"


@pytest.mark.parametrize(("owner", "status"), [("c", 204), ("other", 404)])
async def test_a_key_that_another_replica_made_just_now_is_revoked_by_its_owner_alone(
    client: Client, world: World, owner: str, status: int
) -> None:
    key, name = mint(), str(uuid4())
    hashes = {"keyPrefix": key.prefix, "keyHash": key.digest}
    world.add("keys", name, {"customerRef": {"name": owner}, **hashes}, {}, live_only=True)
    assert (await client.delete(f"/v1/keys/{name.upper()}", headers=world.headers)).status == status
    assert (world.items("keys")[name].spec.revoked_at is not None) is (status == 204)


@pytest.mark.parametrize("wanted", ["x", "5b8a54a8-1111-4c11-8a11-0123456789ab"])
async def test_a_key_of_nobody_and_of_another_is_not_revoked(client: Client, world: World, wanted: str) -> None:
    response = await client.delete(f"/v1/keys/{wanted}", headers=world.headers)
    expected = (400, "invalid_key_id") if wanted == "x" else (404, "key_not_found")
    assert (response.status, await error_of(response)) == expected
    foreign = world.add_key(mint(), customerRef={"name": "other"})
    response = await client.delete(f"/v1/keys/{foreign.key_id}", headers=world.headers)
    assert (response.status, await error_of(response)) == (404, "key_not_found")


async def test_a_list_says_when_a_key_was_used_and_revoked_and_nothing_that_it_has_not(
    client: Client, world: World
) -> None:
    key = mint()
    hashes = {"keyPrefix": key.prefix, "keyHash": key.digest}
    moment = "2026-11-24T08:00:00Z"
    spec = {"customerRef": {"name": "c"}, "name": "CI", **hashes, "expiresAt": moment, "revokedAt": moment}
    world.add("keys", key.prefix, spec, {"lastUsedAt": moment})
    listed = (await (await client.get("/v1/keys", headers=world.headers)).json())["keys"]
    found = {each["keyPrefix"]: each for each in listed}
    full = found[key.prefix]
    assert (full["lastUsedAt"], full["revokedAt"], full["expiresAt"], full["name"]) == (moment,) * 3 + ("CI",)
    assert found[world.key.prefix].keys() == {"id", "keyPrefix", "scope", "createdAt"}


async def test_a_key_whose_stored_object_was_copied_is_revoked_by_either(client: Client, world: World) -> None:
    hashes = {"keyPrefix": world.key.prefix, "keyHash": world.key.digest}
    spec = {"customerRef": {"name": "c"}, **hashes}
    for name, revoked in (("a-copy", {}), ("b-copy", {"revokedAt": "2026-11-24T08:00:00Z"}), ("c-copy", {})):
        world.add("keys", name, {**spec, **revoked}, {})
    response = await client.get("/v1/accounts", headers=world.headers)
    assert (response.status, await error_of(response)) == (401, "revoked_api_key")
