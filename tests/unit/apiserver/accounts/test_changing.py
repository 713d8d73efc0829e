"""PATCH /v1/accounts/{id} and its workflow: what is written, who is told, and why it may be refused."""

from typing import Any

import pytest
import yaml
from fakes.api_world import MINE, Client, World, error_of
from kubernetes.aio.client import ApiException

ROLE = "arn:aws:iam::123456789012:role/GitHubActionsDeployRole"
PATH, WORKFLOW = f"/v1/accounts/{MINE}", f"/v1/accounts/{MINE}/workflow"


def add(world: World, repositories: tuple[str, ...] = (), **status: Any) -> Any:
    """An active account."""
    world.add_customer()
    spec = {"customerRef": {"name": "c"}, "githubRepos": list(repositories)}
    given = {"phase": "active", "awsAccountId": "123456789012", "oidcRoleArn": ROLE, **status}
    return world.add("accounts", MINE, spec, given)


async def change(client: Client, world: World, *repositories: str) -> Any:
    return await client.patch(PATH, headers=world.headers, json={"githubRepos": list(repositories)})


async def test_a_changed_list_is_written_and_its_owner_told(client: Client, world: World) -> None:
    add(world)
    response = await change(client, world, "o/r", "o/s")
    assert response.status == 200
    assert world.items("accounts")[MINE].spec.github_repos == ["o/r", "o/s"]
    [told] = [one.spec for one in world.items("notifications").values()]
    assert (told.kind, told.customer_ref.name) == ("RepositoriesChanged", "c")
    assert told.details["repositories"] == "o/r, o/s"
    assert (told.details["accountId"], told.details["awsAccountId"]) == (MINE, "123456789012")
    assert world.key.prefix in told.details["by"]


async def test_an_empty_list_is_said_in_words(client: Client, world: World) -> None:
    add(world, ("o/r",), awsAccountId=None)
    assert (await change(client, world)).status == 200
    [told] = [one.spec for one in world.items("notifications").values()]
    assert told.details["repositories"] == "none: nobody may deploy"
    assert told.details["awsAccountId"] == "(not made yet)"


async def test_an_unchanged_list_is_neither_written_nor_told(client: Client, world: World) -> None:
    add(world, ("o/r",))
    assert (await change(client, world, "o/r")).status == 200
    assert world.items("notifications") == {}
    assert [each.method for each in world.requests("accounts")] == ["GET"]


async def test_a_list_that_fits_into_no_trust_policy_is_refused_before_anything_is_read(
    client: Client, world: World
) -> None:
    add(world)
    response = await change(client, world, *[f"organization-{number:03}/repository" for number in range(40)])
    assert (response.status, await error_of(response)) == (400, "invalid_request")
    assert world.requests("accounts") == []


@pytest.mark.parametrize("anew", [False, True], ids=["deleted", "made anew"])
async def test_an_account_that_was_deleted_a_moment_ago_is_not_found(client: Client, world: World, anew: bool) -> None:
    add(world)
    world.api.cluster.delete("AwsAccount", "n", MINE)
    world.api.cluster.objects.pop(("AwsAccount", "n", MINE), None)
    if anew:
        add_live = {"customerRef": {"name": "c"}}
        world.add("accounts", MINE, add_live, {"phase": "active"}, live_only=True)
    response = await change(client, world, "o/r")
    assert (response.status, await error_of(response)) == (404, "account_not_found")


async def test_an_account_that_is_being_deleted_stays_as_it_is(client: Client, world: World) -> None:
    meta: dict[str, Any] = {"deletionTimestamp": "2026-11-24T08:00:00Z", "finalizers": ["x"]}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}}, {"phase": "active"}, **meta)
    response = await change(client, world, "o/r")
    assert (response.status, await error_of(response)) == (409, "account_not_active")
    assert "being deleted" in (await response.json())["error"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ApiException(status=404), 404, "account_not_found"),
        (ApiException(status=409), 409, "changed_meanwhile"),
        (ApiException(status=403), 503, "unavailable"),
    ],
)
async def test_what_kubernetes_refuses_is_said_in_our_words(
    client: Client, world: World, error: ApiException, status: int, code: str
) -> None:
    add(world)
    world.fail("accounts", error, "PATCH")
    response = await change(client, world, "o/r")
    assert (response.status, await error_of(response)) == (status, code)
    assert world.items("notifications") == {}


# --- the workflow


async def test_the_workflow_is_yaml_and_json_for_who_accepts_only_that(client: Client, world: World) -> None:
    add(world, ("o/r",))
    text = await client.get(WORKFLOW, headers=world.headers)
    assert (text.status, text.content_type, text.charset) == (200, "text/yaml", "utf-8")
    assert text.headers["Vary"] == "Accept"
    content = await text.text()
    assert ROLE in content
    yaml.safe_load(content)
    as_json = await client.get(WORKFLOW, headers=world.headers | {"Accept": "application/json"})
    assert as_json.headers["Vary"] == "Accept"
    assert await as_json.json() == {"path": ".github/workflows/deploy.yml", "content": content, "githubRepos": ["o/r"]}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/yaml"),
        ("application/yaml, application/json", "text/yaml"),
        ("application/json, text/yaml", "application/json"),
        ("text/plain, application/json;q=0.9", "application/json"),
        ("text/plain", "text/yaml"),
        ("text/*, application/json", "text/yaml"),
    ],
)
async def test_the_first_of_both_that_is_accepted_counts(client: Client, world: World, accept: str, kind: str) -> None:
    add(world, ("o/r",))
    response = await client.get(WORKFLOW, headers=world.headers | {"Accept": accept})
    assert response.content_type == kind


@pytest.mark.parametrize(
    ("repositories", "status", "code"),
    [
        (("o/r",), {"oidcRoleArn": None}, "no_deploy_role"),
        ((), {}, "no_repositories"),
        (("o/r",), {"phase": "suspended"}, "account_not_active"),
        ((), {"oidcRoleArn": None}, "no_deploy_role"),
    ],
)
async def test_a_workflow_that_would_fail_is_refused(
    client: Client, world: World, repositories: tuple[str, ...], status: dict[str, Any], code: str
) -> None:
    add(world, repositories, **status)
    response = await client.get(WORKFLOW, headers=world.headers)
    assert (response.status, await error_of(response)) == (409, code)


async def test_a_profile_of_policies_is_neither_taken_from_customers_nor_shown_to_them(
    client: Client, world: World
) -> None:
    """Administrators choose it, by spec.policyProfile."""
    world.add_customer()
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, "policyProfile": "gpu"}, {"phase": "active"})
    for response in (
        await client.patch(PATH, headers=world.headers, json={"policyProfile": "gpu"}),
        await client.post("/v1/accounts", headers=world.headers, json={"policyProfile": "gpu"}),
    ):
        assert (response.status, await error_of(response)) == (400, "unknown_field")
    shown = await (await client.get(PATH, headers=world.headers)).json()
    assert "policyProfile" not in shown
    assert "gpu" not in str(shown)
