"""`Prefer: wait`: the response comes when the account has settled, not before, and at the latest in time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fakes.api_world import MINE, NAMESPACE, Client, World, settings

from batteries_apiserver.accounts.prefer_wait import until_settled
from batteries_crds.aws_account import AwsAccount

PATH = f"/v1/accounts/{MINE}"
SETTLED: dict[str, Any] = {"phase": "active", "observedGeneration": 1}


def change(world: World, **status: Any) -> None:
    """As the operator writes it."""
    world.api.cluster.patch("AwsAccount", NAMESPACE, MINE, {"status": status}, status=True)


@pytest.fixture
def account(world: World) -> AwsAccount:
    """One that is being created, and whose changes the caches see."""
    world.follow()
    made: AwsAccount = world.add_account(MINE, phase="creating", observedGeneration=1)
    return made


@pytest.mark.virtual_time
async def test_it_waits_through_changes_until_the_account_has_settled(world: World, account: AwsAccount) -> None:
    task = asyncio.create_task(until_settled(world.kube, account, 30))
    await asyncio.sleep(10)
    change(world, phase="creating", error="AWS takes its time.")
    await asyncio.sleep(10)
    assert not task.done()
    change(world, **SETTLED)
    assert (await task).status.phase == "active"
    assert asyncio.get_running_loop().time() < 21


@pytest.mark.virtual_time
async def test_it_waits_no_longer_than_was_asked_and_answers_with_what_is_there(
    world: World, account: AwsAccount
) -> None:
    begun = asyncio.get_running_loop().time()
    task = asyncio.create_task(until_settled(world.kube, account, 30))
    await asyncio.sleep(29.9)
    assert not task.done()
    change(world, phase="creating", error="AWS takes its time.")
    assert (await task).status.error == "AWS takes its time."
    assert asyncio.get_running_loop().time() - begun == pytest.approx(30, abs=0.01)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "ends",
    [
        lambda world: world.forget("accounts", MINE),
        lambda world: world.kube.caches.changes.stop(),
    ],
    ids=["the account is deleted", "the server shuts down"],
)
async def test_it_ends_at_once_where_nothing_is_to_come(
    world: World, account: AwsAccount, ends: Callable[[World], None]
) -> None:
    task = asyncio.create_task(until_settled(world.kube, account, 30))
    await asyncio.sleep(1)
    ends(world)
    assert (await task).status.phase == "creating"
    assert asyncio.get_running_loop().time() < 2


@pytest.mark.virtual_time
async def test_after_the_end_nobody_begins_to_wait(world: World, account: AwsAccount) -> None:
    world.kube.caches.changes.stop()
    await until_settled(world.kube, account, 30)
    assert asyncio.get_running_loop().time() < 1


async def test_a_settled_account_is_answered_at_once_with_what_was_applied(client: Client, world: World) -> None:
    world.add_account(MINE, **SETTLED)
    response = await client.get(PATH, headers={**world.headers, "Prefer": "wait=3600"})
    assert response.headers["Preference-Applied"] == f"wait={settings().longest_wait}"


async def test_without_the_preference_nothing_is_said_of_it(client: Client, world: World, account: AwsAccount) -> None:
    assert "Preference-Applied" not in (await client.get(PATH, headers=world.headers)).headers


@pytest.mark.parametrize(
    ("status", "answer", "comes_back"),
    [
        ({"phase": "creating", "observedGeneration": 1}, 202, True),
        ({"phase": "active", "observedGeneration": 1}, 201, False),
        ({"phase": "failed", "observedGeneration": 1}, 202, False),
        ({"phase": "suspended", "observedGeneration": 1}, 202, False),
    ],
)
async def test_a_creation_that_waited_says_what_became_of_it(
    client: Client, world: World, status: dict[str, Any], answer: int, comes_back: bool
) -> None:
    world.add_customer()
    world.follow()
    headers = {**world.headers, "Idempotency-Key": "k"}
    await client.post("/v1/accounts", headers=headers)
    [name] = world.items("accounts")
    world.api.cluster.patch("AwsAccount", NAMESPACE, name, {"status": status}, status=True)
    response = await client.post("/v1/accounts", headers={**headers, "Prefer": "wait=0"})
    assert (response.status, (await response.json())["status"]) == (answer, status["phase"])
    assert ("Retry-After" in response.headers) is comes_back
    assert response.headers["Preference-Applied"] == "wait=0"
