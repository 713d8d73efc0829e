"""A customer reads and changes their own accounts, and learns nothing of others."""

import pytest
from fakes.api_world import MINE, OTHERS, Client, World, error_of


async def test_a_list_holds_the_callers_accounts_only(client: Client, world: World) -> None:
    world.add_account(MINE)
    world.add_account(OTHERS, owner="somebody")
    listed = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    assert [account["accountId"] for account in listed] == [MINE]


@pytest.mark.parametrize("account_id", [OTHERS, "5b8a54a8-3333-4c11-8a11-0123456789ab", "x", "%00", "é" * 300])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_others_unknown_and_malformed_ids_are_the_same_404(
    client: Client, world: World, account_id: str, method: str
) -> None:
    world.add_account(OTHERS, owner="somebody", phase="active")
    body = b'{"githubRepos": []}'
    response = await client.request(method, f"/v1/accounts/{account_id}", headers=world.headers, data=body)
    assert response.status == 404
    assert await error_of(response) == "account_not_found"


async def test_an_account_that_another_replica_made_just_now_is_found(client: Client, world: World) -> None:
    world.add_account(MINE, live_only=True)
    assert (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).status == 200


async def test_an_account_that_kubectl_named_is_found_by_its_derived_id(client: Client, world: World) -> None:
    world.add_account("team-a")
    listed = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    response = await client.get(f"/v1/accounts/{listed[0]['accountId']}", headers=world.headers)
    assert response.status == 200
    assert (await response.json())["accountId"] != "team-a"


@pytest.mark.parametrize("phase", ["pending", "creating", "failed", "suspended"])
async def test_only_an_active_account_can_be_changed(client: Client, world: World, phase: str) -> None:
    world.add_account(MINE, phase=phase)
    body = b'{"githubRepos": ["o/r"]}'
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=body)
    assert response.status == 409
    assert await error_of(response) == "account_not_active"


async def test_a_change_needs_something_to_change(client: Client, world: World) -> None:
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=b"{}")
    assert response.status == 400
    assert (await response.json())[
        "error"
    ] == "Send what is to change: githubRepos, repositories, deployFrom, readOnlyFrom, expiresAt or expiryPolicy."


async def test_whoever_owns_the_list_is_named(client: Client, world: World) -> None:
    owner = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:githubRepos": {}}}}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}}, {"phase": "active"}, managedFields=[owner])
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, data=b'{"githubRepos": ["o/r"]}')
    assert response.status == 409
    assert "argocd-controller" in (await response.json())["error"]
