"""POST /v1/accounts/{id}/credentials: the first password, to its owner, once."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from fakes.api_world import MINE, NAMESPACE, OTHERS, Client, World, error_of
from fakes.kube_api import Request

from batteries_crds.names import LABEL_ACCOUNT_ID

SECRET = "first-password"
PATH = f"/v1/accounts/{MINE}/credentials"
READY: dict[str, Any] = {
    "phase": "active",
    "credentialsSecretName": SECRET,
    "signInUrl": "https://1.signin.aws.amazon.com/console",
}


def add_secret(world: World, account: Any, **changes: Any) -> None:
    """As the operator makes it."""
    data = {"username": "ada", "password": "Correct-Horse-1"}
    owner = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "name": MINE,
        "uid": account.metadata.uid,
    }
    made: dict[str, Any] = {
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }
    meta = {"name": SECRET, "ownerReferences": [owner], "labels": {LABEL_ACCOUNT_ID: str(account.account_id)}}
    world.api.cluster.put("Secret", NAMESPACE, {**made, "metadata": meta} | changes)


def secrets(world: World) -> list[str]:
    return [name for kind, _, name in world.api.cluster.objects if kind == "Secret"]


async def test_the_password_is_shown_once_and_kept_by_nobody(client: Client, world: World) -> None:
    add_secret(world, world.add_account(MINE, **READY))
    response = await client.post(PATH, headers=world.headers)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    shown = {"userName": "ada", "password": "Correct-Horse-1", "signInUrl": READY["signInUrl"]}
    assert await response.json() == shown
    assert secrets(world) == []
    again = await client.post(PATH, headers=world.headers)
    assert (again.status, await error_of(again)) == (404, "credentials_gone")


async def test_of_two_requests_at_once_on_two_replicas_one_gets_it(
    client: Client, world: World, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> None:
    add_secret(world, world.add_account(MINE, **READY))
    other = await aiohttp_client(world.replica().app())
    answers = await asyncio.gather(*(each.post(PATH, headers=world.headers) for each in (client, other)))
    assert sorted(answer.status for answer in answers) == [200, 404]


async def test_the_owner_is_told_by_mail_that_it_was_revealed(client: Client, world: World) -> None:
    world.add_customer()
    add_secret(world, world.add_account(MINE, **READY, awsAccountId="123456789012"))
    await client.post(PATH, headers=world.headers)
    [told] = [one.spec for one in world.items("notifications").values()]
    assert (told.kind, told.customer_ref.name) == ("PasswordRevealed", "c")
    assert told.details["awsAccountId"] == "123456789012"
    assert "Correct-Horse" not in str(told)


@pytest.mark.parametrize("missing", ["credentialsSecretName", "signInUrl"])
async def test_before_it_is_made_the_request_may_come_back(client: Client, world: World, missing: str) -> None:
    add_secret(world, world.add_account(MINE, **READY | {missing: None}))
    response = await client.post(PATH, headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "credentials_not_ready")
    assert secrets(world) == [SECRET]


@pytest.mark.parametrize(
    ("spec", "meta"),
    [({"suspended": True}, {}), ({}, {"deletionTimestamp": "2026-11-24T08:00:00Z", "finalizers": ["x"]})],
    ids=["suspended", "being deleted"],
)
async def test_nothing_is_revealed_of_an_account_that_is_on_its_way_out(
    client: Client, world: World, spec: dict[str, Any], meta: dict[str, Any]
) -> None:
    add_secret(world, world.add("accounts", MINE, {"customerRef": {"name": "c"}, **spec}, READY, **meta))
    response = await client.post(PATH, headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "account_not_active")
    assert secrets(world) == [SECRET]


async def test_a_suspension_in_the_moment_of_the_reveal_keeps_the_password_back(client: Client, world: World) -> None:
    add_secret(world, world.add_account(MINE, **READY))

    def suspend(request: Request) -> None:
        if request.plural == "secrets" and request.method == "DELETE":
            world.api.cluster.patch("AwsAccount", NAMESPACE, MINE, {"spec": {"suspended": True}})

    world.api.after = suspend
    response = await client.post(PATH, headers=world.headers)
    assert (response.status, await error_of(response)) == (409, "account_not_active")


async def test_an_account_made_anew_under_the_same_name_is_another(client: Client, world: World) -> None:
    add_secret(world, world.add_account(MINE, **READY))
    world.add_account(MINE, live_only=True, **READY)
    response = await client.post(PATH, headers=world.headers)
    assert (response.status, await error_of(response)) == (404, "account_not_found")
    assert secrets(world) == [SECRET]


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"name": SECRET}},
        {"type": "kubernetes.io/tls"},
        {"data": {"username": "YQ=="}},
    ],
    ids=["of nobody", "of another type", "without a password"],
)
async def test_a_secret_that_the_operator_did_not_make_is_left_alone(
    client: Client, world: World, changes: dict[str, Any]
) -> None:
    add_secret(world, world.add_account(MINE, **READY), **changes)
    response = await client.post(PATH, headers=world.headers)
    assert (response.status, await error_of(response)) == (404, "credentials_gone")
    assert secrets(world) == [SECRET]


async def test_a_secret_that_somebody_touched_meanwhile_is_read_again(client: Client, world: World) -> None:
    add_secret(world, world.add_account(MINE, **READY))
    touched: list[Request] = []

    def touch(request: Request) -> None:
        if request.plural == "secrets" and request.method == "GET" and not touched:
            touched.append(request)
            world.api.cluster.touch("Secret", NAMESPACE, SECRET)

    world.api.after = touch
    assert (await client.post(PATH, headers=world.headers)).status == 200


async def test_another_customers_password_is_an_account_that_does_not_exist(client: Client, world: World) -> None:
    add_secret(world, world.add_account(OTHERS, owner="somebody", **READY))
    response = await client.post(f"/v1/accounts/{OTHERS}/credentials", headers=world.headers)
    assert (response.status, await error_of(response)) == (404, "account_not_found")
    assert secrets(world) == [SECRET]
