"""What a change of the repositories sends: our share of the fields, never another's, and what a one-off update left."""

from typing import Any

import pytest
from fakes.api_world import MINE, Client, World, error_of
from kubernetes.aio.client import ApiException

OURS = "batteries-apiserver"
MAIN, REQUESTS = {"branches": ["main"]}, {"pullRequests": True}
SPEC: dict[str, Any] = {"customerRef": {"name": "c"}, "githubRepos": ["o/r"]}


def entry(manager: str, *fields: str, operation: str = "Update") -> dict[str, Any]:
    spec: dict[str, Any] = {f"f:{field}": {} for field in fields}
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}}


def add(world: World, *owners: dict[str, Any], **spec: Any) -> Any:
    world.add_customer()
    return world.add("accounts", MINE, SPEC | spec, {"phase": "active"}, managedFields=list(owners))


async def change(client: Client, world: World, **body: Any) -> Any:
    return await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, json=body)


def sent(world: World) -> list[dict[str, Any]]:
    return [each.body for each in world.requests("accounts") if each.method == "PATCH"]


def test_our_manager_has_the_name_that_these_tests_give_it(world: World) -> None:
    assert world.kube.accounts.manager == OURS


async def test_what_a_person_set_once_is_taken_away_by_a_write_of_its_own(client: Client, world: World) -> None:
    add(world, entry("kubectl-edit", "deployFrom"), deployFrom=MAIN)
    response = await change(client, world, deployFrom=None)
    assert response.status == 200, await response.text()
    assert world.items("accounts")[MINE].spec.deploy_from is None
    _, merged = sent(world)
    assert merged["spec"] == {"deployFrom": None}
    assert merged["metadata"].keys() == {"uid", "resourceVersion"}, "fenced against a write in between"
    shown = await (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).json()
    assert "deployFrom" not in shown, "the caches know it at once"


async def test_what_git_declares_is_not_taken_away(client: Client, world: World) -> None:
    add(world, entry("argocd", "deployFrom", operation="Apply"), deployFrom=MAIN)
    response = await change(client, world, deployFrom=None)
    assert (response.status, await error_of(response)) == (409, "owned_elsewhere")
    assert world.items("accounts")[MINE].spec.deploy_from is not None


async def test_a_field_that_is_not_changed_stays_whose_it_is(client: Client, world: World) -> None:
    owners = entry("argocd", "readOnlyFrom", operation="Apply"), entry(OURS, "githubRepos", operation="Apply")
    add(world, *owners, readOnlyFrom=REQUESTS)
    assert (await change(client, world, deployFrom=MAIN)).status == 200
    [body] = sent(world)
    assert body["spec"].keys() >= {"customerRef", "githubRepos", "deployFrom"}, "ours stays ours"
    assert "readOnlyFrom" not in body["spec"]
    assert world.items("accounts")[MINE].spec.read_only_from is not None


async def test_names_that_git_declares_are_not_sent_with_a_rule(client: Client, world: World) -> None:
    add(world, entry("argocd", "githubRepos", operation="Apply"))
    assert (await change(client, world, deployFrom=MAIN)).status == 200
    [body] = sent(world)
    assert "githubRepos" not in body["spec"]


@pytest.mark.parametrize("ours", [True, False])
async def test_the_end_that_the_owner_chose_survives_a_change_of_the_list(
    client: Client, world: World, ours: bool
) -> None:
    fields = ("githubRepos", "expiresAt") if ours else ("githubRepos",)
    account = add(world, entry(OURS, *fields, operation="Apply"), expiresAt="2099-01-01T00:00:00Z")
    assert (await change(client, world, githubRepos=["o/s"])).status == 200
    [body] = sent(world)
    assert body["spec"].get("expiresAt") == ("2099-01-01T00:00:00Z" if ours else None)
    version = str(account.metadata.version)
    assert body["metadata"].get("resourceVersion") == (version if ours else None), "fenced, if a time is repeated"
    assert world.items("accounts")[MINE].spec.expires_at is not None


async def test_a_write_in_between_is_a_conflict_and_not_lost(client: Client, world: World) -> None:
    add(world, entry("kubectl-edit", "deployFrom"), deployFrom=MAIN)

    def refuse(request: Any) -> None:
        if (
            request.method == "PATCH"
            and request.plural == "awsaccounts"
            and request.body["spec"] == {"deployFrom": None}
        ):
            raise ApiException(status=409)

    world.api.before = refuse
    response = await change(client, world, deployFrom=None)
    assert (response.status, await error_of(response)) == (409, "changed_meanwhile")
