"""What a new account's owner is told about the pool, and how soon to look again."""

import re
from typing import Any

import pytest
from fakes.api_world import MINE, NAMESPACE, OTHERS, Client, World

from batteries_apiserver.projections.message import message
from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount

READY = "An account of the pool is ready for you: it takes seconds (0 seconds so far)."
CLAIM = {
    "member": "m",
    "memberUid": "u",
    "awsAccountId": "123456789012",
    "pooledId": "5b8a54a8-9999-4c11-8a11-0123456789ab",
    "recordedAt": "2026-11-24T08:00:00Z",
}


def pool(world: World, ready: int, name: str = "spare", namespace: str = NAMESPACE) -> None:
    """The caches know a pool with so many ready accounts, from news that came just now."""
    body = {"metadata": {"name": name, "namespace": namespace, "resourceVersion": "9"}, "spec": {"size": 5}}
    pools = world.kube.caches.prepared.pools
    pools.put(AccountPool.model_validate({**body, "status": {"ready": ready}}))
    pools.heard()


async def ask(client: Client, world: World, **headers: str) -> tuple[str, str | None]:
    """Requests an account: the message, and Retry-After."""
    response = await client.post("/v1/accounts", headers={**world.headers, **headers})
    assert response.status == 202
    return (await response.json())["message"], response.headers.get("Retry-After")


async def test_one_who_asks_is_told_that_an_account_of_the_pool_is_ready(client: Client, world: World) -> None:
    world.follow()
    world.add_customer()
    pool(world, 1)
    assert await ask(client, world) == (READY, "2")
    [path] = [f"/v1/accounts/{name}" for name in world.items("accounts")]
    assert (await (await client.get(path, headers=world.headers)).json())["message"].startswith(READY[:60])


async def test_without_a_ready_account_it_takes_as_long_as_aws_takes(client: Client, world: World) -> None:
    world.follow()
    world.add_customer()
    pool(world, 0)
    message, retry_after = await ask(client, world)
    assert message.startswith("Asking AWS for the account (")
    assert retry_after == "10"


async def test_nobody_is_promised_an_account_that_others_in_line_may_get(client: Client, world: World) -> None:
    world.follow()
    world.add_customer()
    world.add_account(OTHERS, "other")
    pool(world, 1)
    assert (await ask(client, world))[0].startswith("Asking AWS")
    pool(world, 1, "second")
    assert (await client.get(f"/v1/accounts/{OTHERS}", headers=world.headers)).status == 404
    assert world.kube.caches.prepared.is_there_for(world.kube.caches.accounts.get(OTHERS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "status",
    [
        {"awsAccountId": "123456789012"},
        {"claim": CLAIM},
        {"provisioningStep": "check_status"},
        {"holds": {"PaymentMissing": {"since": "2026-11-24T08:00:00Z"}}},
    ],
    ids=["has an AWS account", "wishes for one", "has asked AWS", "is held"],
)
async def test_those_who_need_none_of_the_pool_do_not_hold_the_place_of_others(
    client: Client, world: World, status: dict[str, Any]
) -> None:
    world.follow()
    world.add_customer()
    world.add_account(OTHERS, "other", **status)
    pool(world, 1)
    assert (await ask(client, world))[0] == READY


async def test_an_account_elsewhere_is_promised_nothing_of_the_pool_at_home(world: World) -> None:
    pool(world, 1)
    elsewhere = AwsAccount.model_validate({"metadata": {"name": "a", "namespace": "elsewhere"}, "spec": {}})
    assert not world.kube.caches.prepared.is_there_for(elsewhere)
    assert world.kube.caches.prepared.is_there_for(elsewhere.model_copy(update={"metadata": _at_home(elsewhere)}))


def _at_home(account: AwsAccount) -> Any:
    return account.metadata.model_copy(update={"namespace": NAMESPACE})


async def test_without_news_of_the_pools_nothing_is_promised(client: Client, world: World) -> None:
    world.follow()
    world.add_customer()
    pool(world, 1)
    [watch] = world.kube.caches.prepared.pools._watches.values()
    watch._heard_at = None
    assert (await ask(client, world))[0].startswith("Asking AWS")


async def test_a_replica_without_pools_is_ready(client: Client, world: World) -> None:
    assert world.kube.caches.prepared.pools.age == float("inf")
    assert (await client.get("/readyz")).status == 200


async def test_who_waited_is_told_that_the_account_came_from_the_pool(client: Client, world: World) -> None:
    world.follow()
    world.add_customer()
    pool(world, 1)
    status = {"phase": "creating", "provisioningStep": "move_to_ou", "awsAccountId": "123456789012", "claim": CLAIM}

    def claimed(kind: str, body: dict[str, Any]) -> None:
        if kind == "AwsAccount" and not body.get("status"):
            name = body["metadata"]["name"]
            world.api.cluster.patch("AwsAccount", NAMESPACE, name, {"status": status}, status=True)

    world.api.cluster.watches.append(claimed)
    message, retry_after = await ask(client, world, Prefer="wait=1")
    assert message.startswith("The account came from the pool. Moving the account to its place in the organization (")
    assert retry_after == "2"


def shown(**status: Any) -> str:
    meta = {"name": MINE, "namespace": NAMESPACE, "creationTimestamp": "2026-11-24T08:00:00Z"}
    return message(AwsAccount.model_validate({"metadata": meta, "spec": {}, "status": status}))


def test_a_ready_account_says_where_it_came_from() -> None:
    ready = {"phase": "active", "awsAccountId": "123456789012"}
    assert shown(**ready, claim=CLAIM).startswith("The account came from the pool, and has been ready to use for ")
    assert shown(**ready).startswith("The account has been ready to use for ")
    waiting = {"type": "SSOAssigned", "status": "True", "reason": "EmailNotConfirmed"}
    told = shown(**ready, claim=CLAIM, conditions=[waiting | {"lastTransitionTime": "2026-11-24T08:00:00Z"}])
    assert re.match(
        r"The account came from the pool, and has been ready to use for .+, except for single sign-on", told
    )


def test_a_wish_that_has_not_come_true_is_not_told() -> None:
    assert shown(phase="pending", claim=CLAIM).startswith("Asking AWS for the account (")
    other = {"phase": "creating", "awsAccountId": "210987654321", "provisioningStep": "move_to_ou"}
    assert shown(**other, claim=CLAIM).startswith("Moving the account")
