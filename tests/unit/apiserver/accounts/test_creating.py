"""POST /v1/accounts: what a body may be, who pays, how many, and what Kubernetes refuses."""

import asyncio
from typing import Any

import orjson
import pytest
from fakes.api_world import MINE, NAMESPACE, Client, World, error_of
from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339


@pytest.mark.parametrize("body", [None, b"", b" \n", b"{}", b"{ }"])
async def test_the_body_may_be_left_out(client: Client, world: World, body: bytes | None) -> None:
    world.add_customer()
    response = await client.post("/v1/accounts", headers=world.headers, data=body)
    assert response.status == 202
    answer = await response.json()
    [made] = world.items("accounts").values()
    created = to_rfc3339(made.metadata.creation_timestamp)
    assert answer.pop("message").startswith("Asking AWS for the account (")
    assert answer == {"accountId": str(made.account_id), "status": "pending", "createdAt": created}
    assert response.headers["Location"] == f"/v1/accounts/{answer['accountId']}"
    assert int(response.headers["Retry-After"]) > 0
    assert (await client.get(response.headers["Location"], headers=world.headers)).status == 200


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"\xff"', "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
        (b'{"githubRepos": null}', "githubRepos"),
        (b'{"githubRepos": "o/r"}', "githubRepos"),
        (b'{"githubRepos": [1]}', "githubRepos[0]"),
        (b'{"githubRepos": ["o/*"]}', "'o/*' is not a repository"),
        (b'{"githubRepos": ["o/r", "O/R"]}', "listed twice"),
        (orjson.dumps({"githubRepos": [f"o/r{n}" for n in range(101)]}), "at most 100"),
    ],
)
async def test_a_wrong_body_is_a_400_that_says_what_is_wrong_before_payment_is_asked_for(
    client: Client, world: World, body: bytes, part: str
) -> None:
    response = await client.post("/v1/accounts", headers=world.headers, data=body)
    assert response.status == 400
    assert part in (await response.json())["error"]
    assert world.items("accounts") == {}


async def test_a_body_that_is_too_large_is_a_413(client: Client, world: World) -> None:
    response = await client.post("/v1/accounts", headers=world.headers, data=b" " * 70_000)
    assert response.status == 413
    assert await error_of(response) == "body_too_large"


async def test_a_body_that_is_not_what_its_encoding_says_is_a_400(client: Client, world: World) -> None:
    response = await client.post("/v1/accounts", headers={**world.headers, "Content-Encoding": "gzip"}, data=b"{}")
    assert response.status == 400


@pytest.mark.parametrize("payment", ["missing", None])
async def test_without_a_good_card_the_answer_says_where_to_add_one(
    client: Client, world: World, payment: str | None
) -> None:
    if payment:
        world.add_customer(payment=payment)
    response = await client.post("/v1/accounts", headers=world.headers)
    assert response.status == 402
    assert "POST /v1/stripe/setup" in (await response.json())["error"]


async def test_a_card_that_another_replica_saw_counts_at_once(client: Client, world: World) -> None:
    world.add_customer(payment="missing")
    world.add_customer(live_only=True)
    assert (await client.post("/v1/accounts", headers=world.headers)).status == 202


async def test_the_account_limit_holds_against_requests_at_once(client: Client, world: World) -> None:
    world.add_customer(limit=3)
    answers = await asyncio.gather(*(client.post("/v1/accounts", headers=world.headers) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [202] * 3 + [409] * 7
    refused = next(answer for answer in answers if answer.status == 409)
    assert await error_of(refused) == "account_limit_reached"


async def test_an_account_that_cannot_be_read_counts_against_the_limit(client: Client, world: World) -> None:
    world.add_customer(limit=3)
    world.add_account(MINE)
    later = {"customerRef": {"name": "c"}, "githubRepos": {"as": "a later version has them"}}
    world.api.cluster.put("AwsAccount", NAMESPACE, {"metadata": {"name": "odd"}, "spec": later})
    answers = [await client.post("/v1/accounts", headers=world.headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 409]


async def test_a_rule_of_the_resource_is_passed_on_in_its_own_words(client: Client, world: World) -> None:
    world.add_customer()
    cause = {"field": "spec", "message": 'Invalid value: "object": Name each repository once.'}
    error = ApiException(status=422)
    error.body = orjson.dumps({"details": {"causes": [cause]}}).decode()
    world.fail("accounts", error, "PATCH")
    response = await client.post("/v1/accounts", headers=world.headers)
    assert response.status == 400
    assert (await response.json())["error"] == "Name each repository once."


async def test_closed_accounts_do_not_count_against_the_limit_nor_hide_others(client: Client, world: World) -> None:
    world.add_customer(limit=2)
    moment = "2026-11-24T08:00:00Z"
    for number in range(5):  # more than a page of what is read live
        closed: dict[str, Any] = {"closedAt" if number else "closureRequestedAt": moment}
        world.add_account(f"a-{number}", **closed)
    world.add_account("open", live_only=True)
    answers = [await client.post("/v1/accounts", headers=world.headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 409]
