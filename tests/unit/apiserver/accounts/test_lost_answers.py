"""A creation whose answer from Kubernetes is lost makes one account, and one that is repeated makes no second."""

from typing import Any

import aiohttp
import pytest
from fakes.api_world import Client, World, error_of
from fakes.kube_api import Request
from kubernetes.aio.client import ApiException

LOST: list[Exception] = [
    ApiException(status=500),
    ApiException(status=502),
    ApiException(status=0),
    aiohttp.ServerDisconnectedError(),
    OSError(),
    TimeoutError(),
]
"""What comes in the place of an answer; after any of them the write may have been carried out."""


def lose(world: World, failure: Exception, times: int = 1) -> None:
    """The answers to so many applies of accounts."""
    left = [times]

    def after(request: Request) -> None:
        if request.plural == "awsaccounts" and request.method == "PATCH" and left[0]:
            left[0] -= 1
            raise failure

    world.api.after = after


def applies(world: World) -> list[Request]:
    return [request for request in world.requests("accounts") if request.method == "PATCH"]


@pytest.mark.parametrize("failure", LOST, ids=str)
async def test_a_lost_answer_finds_the_account_that_was_made(client: Client, world: World, failure: Exception) -> None:
    world.add_customer()
    lose(world, failure)
    response = await client.post("/v1/accounts", headers=world.headers)
    [made] = world.items("accounts").values()
    assert (response.status, (await response.json())["accountId"]) == (202, str(made.account_id))
    assert len(applies(world)) == 1


@pytest.mark.parametrize("failure", LOST, ids=str)
async def test_a_lost_request_is_sent_once_more(client: Client, world: World, failure: Exception) -> None:
    world.add_customer()
    failed: list[Request] = []

    def before(request: Request) -> None:
        if request.plural == "awsaccounts" and request.method == "PATCH" and not failed:
            failed.append(request)
            raise failure

    world.api.before = before
    assert (await client.post("/v1/accounts", headers=world.headers)).status == 202
    first, second = applies(world)
    assert first.name == second.name
    assert len(world.items("accounts")) == 1


async def test_kubernetes_that_does_not_answer_twice_is_a_503(client: Client, world: World) -> None:
    world.add_customer()
    world.fail("accounts", ApiException(status=500), "PATCH")
    response = await client.post("/v1/accounts", headers=world.headers)
    assert (response.status, await error_of(response)) == (503, "unavailable")
    assert len(applies(world)) == 2


async def test_a_refusal_is_no_lost_answer(client: Client, world: World) -> None:
    world.add_customer()
    world.fail("accounts", ApiException(status=403), "PATCH")
    assert (await client.post("/v1/accounts", headers=world.headers)).status == 503
    assert len(applies(world)) == 1


KEY = {"Idempotency-Key": "once"}


async def post(client: Client, world: World, **body: Any) -> tuple[int, Any]:
    response = await client.post("/v1/accounts", headers={**world.headers, **KEY}, json=body)
    return response.status, await response.json()


async def test_a_repeated_request_gets_the_account_of_the_first(client: Client, world: World) -> None:
    world.add_customer(limit=1)
    first = await post(client, world, githubRepos=["o/r"])
    assert first[0] == 202
    assert await post(client, world, githubRepos=["o/r"]) == first, "although the limit is reached"
    assert len(world.items("accounts")) == 1


async def test_a_key_is_of_one_request(client: Client, world: World) -> None:
    world.add_customer()
    await post(client, world, githubRepos=["o/r"])
    status, answer = await post(client, world, githubRepos=["o/s"])
    assert (status, answer["code"]) == (422, "idempotency_key_reused")


async def test_a_key_that_another_owner_took_over_is_no_key_of_this_customer(client: Client, world: World) -> None:
    world.add_customer()
    await post(client, world)
    [name] = world.items("accounts")
    world.api.cluster.patch("AwsAccount", "n", name, {"spec": {"customerRef": {"name": "somebody"}}})
    assert (await post(client, world))[1]["code"] == "idempotency_key_reused"


async def test_the_faster_of_two_replicas_makes_the_account_of_both(client: Client, world: World) -> None:
    world.add_customer()
    made: list[Any] = []

    def other_is_faster(request: Request) -> None:
        if request.plural == "awsaccounts" and request.method == "PATCH" and not made:
            meta = {**request.body["metadata"], "name": request.name}
            made.append(world.api.cluster.create("AwsAccount", "n", {**request.body, "metadata": meta}))

    world.api.before = other_is_faster
    status, answer = await post(client, world)
    assert (status, len(world.items("accounts"))) == (202, 1)
    [there] = world.items("accounts").values()
    assert answer["accountId"] == str(there.account_id)


async def test_a_key_whose_first_request_was_refused_is_refused_again(client: Client, world: World) -> None:
    world.add_customer(limit=0)
    for _ in range(2):
        status, answer = await post(client, world)
        assert (status, answer["code"]) == (409, "account_limit_reached")
