"""Administrators find any account by its id, and suspend, resume and retry it."""

from typing import Any

import pytest
from fakes.api_world import MINE, NAMESPACE, OTHERS, Client, World, error_of
from fakes.kube_api import Request
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import read_object
from batteries_crds.names import ANNOTATION_RETRY

PATH = f"/v1/admin/accounts/{MINE}"


@pytest.fixture
def admin(world: World) -> dict[str, str]:
    """An administrator's headers."""
    return world.admin()


def add_elsewhere(world: World, namespace: str, name: str = MINE) -> None:
    """An account of another namespace, which the caches know."""
    body = {"metadata": {"name": name}, "spec": {"email": "a@example.com"}, "status": {}}
    world.kube.caches.accounts.put(read_object(AwsAccount, world.api.cluster.put("AwsAccount", namespace, body)))


async def seen(client: Client, admin: dict[str, str], query: str = "") -> tuple[int, str]:
    """The status, and the account's namespace or the error's code."""
    response = await client.get(PATH + query, headers=admin)
    if response.status != 200:
        return response.status, await error_of(response)
    return 200, (await response.json())["namespace"]


async def test_an_id_is_found_whatever_its_case(client: Client, world: World, admin: dict[str, str]) -> None:
    world.add_account(MINE)
    response = await client.get(PATH.upper().replace("/V1/ADMIN/ACCOUNTS", "/v1/admin/accounts"), headers=admin)
    assert response.status == 200


async def test_an_account_that_another_replica_made_just_now_is_found(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    world.add_account(MINE, live_only=True)
    assert await seen(client, admin) == (200, NAMESPACE)


async def test_an_account_that_kubectl_named_is_found_by_its_derived_id(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    account = world.add_account("team-a")
    response = await client.get(f"/v1/admin/accounts/{account.account_id}", headers=admin)
    assert (response.status, (await response.json())["name"]) == (200, "team-a")


async def test_an_account_of_our_namespace_comes_before_those_of_others(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    add_elsewhere(world, "team-a")
    add_elsewhere(world, "team-b")
    world.add_account(MINE)
    assert await seen(client, admin) == (200, NAMESPACE)


async def test_the_only_one_of_other_namespaces_is_found(client: Client, world: World, admin: dict[str, str]) -> None:
    add_elsewhere(world, "team-a")
    assert await seen(client, admin) == (200, "team-a")


async def test_two_of_other_namespaces_are_told_apart_by_the_namespace(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    add_elsewhere(world, "team-b")
    add_elsewhere(world, "team-a")
    response = await client.get(PATH, headers=admin)
    assert (response.status, await error_of(response)) == (409, "ambiguous_account")
    assert "team-a and team-b" in (await response.json())["error"]
    assert await seen(client, admin, "?namespace=team-b") == (200, "team-b")
    assert await seen(client, admin, "?namespace=team-c") == (404, "account_not_found")


@pytest.mark.parametrize("wanted", [OTHERS, "x", "%00", "é" * 300])
async def test_what_is_no_accounts_id_is_not_found(
    client: Client, world: World, admin: dict[str, str], wanted: str
) -> None:
    world.add_account(MINE)
    response = await client.get(f"/v1/admin/accounts/{wanted}", headers=admin)
    assert (response.status, await error_of(response)) == (404, "account_not_found")


async def act(client: Client, admin: dict[str, str], action: str) -> tuple[int, Any]:
    response = await client.post(f"{PATH}/{action}", headers=admin)
    return response.status, await response.json()


def applies(world: World) -> list[Request]:
    return [request for request in world.requests("accounts") if request.method == "PATCH"]


async def test_a_suspension_is_written_with_a_field_manager_of_its_own(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    account = world.add_account(MINE, phase="active")
    assert (await act(client, admin, "suspend"))[0] == 200
    [write] = applies(world)
    assert write.query["fieldManager"] == "batteries-apiserver-suspension"
    assert write.body["spec"] == {"suspended": True}
    assert write.body["metadata"]["uid"] == account.metadata.uid, "a deleted one is not created again"
    assert world.kube.caches.accounts.get(MINE).spec.suspended is True  # type: ignore[union-attr]  # it is there


@pytest.mark.parametrize(("action", "before"), [("suspend", True), ("resume", False)])
async def test_what_is_so_already_is_not_written(
    client: Client, world: World, admin: dict[str, str], action: str, before: bool
) -> None:
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, "suspended": before}, {})
    assert (await act(client, admin, action))[0] == 200
    assert applies(world) == []


async def test_a_resumption_takes_over_what_a_person_set_once(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    edit = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:suspended": {}}}}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, "suspended": True}, {}, managedFields=[edit])
    assert (await act(client, admin, "resume"))[0] == 200
    assert world.items("accounts")[MINE].spec.suspended is False


async def test_a_suspension_that_git_wants_is_left_to_git(client: Client, world: World, admin: dict[str, str]) -> None:
    git = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:suspended": {}}}}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, "suspended": True}, {}, managedFields=[git])
    status, answer = await act(client, admin, "resume")
    assert (status, answer["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in answer["error"]
    assert world.items("accounts")[MINE].spec.suspended is True


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(404, 404, "account_not_found"), (409, 409, "changed_meanwhile"), (500, 503, "unavailable")],
)
@pytest.mark.parametrize("action", ["suspend", "retry"])
async def test_what_kubernetes_says_of_an_action_is_said_in_our_words(
    client: Client, world: World, admin: dict[str, str], action: str, refusal: int, status: int, code: str
) -> None:
    world.add_account(MINE, steps={"create_account": {"gaveUpAt": 1}})
    world.fail("accounts", ApiException(status=refusal), "PATCH")
    told, answer = await act(client, admin, action)
    assert (told, answer["code"]) == (status, code)


@pytest.mark.parametrize(("gave_up_at", "status"), [(None, 409), (1, 200), (0, 409)])
async def test_a_retry_is_for_steps_that_were_given_up_for_the_spec_as_it_is(
    client: Client, world: World, admin: dict[str, str], gave_up_at: int | None, status: int
) -> None:
    world.add_account(MINE, steps={"create_account": {"gaveUpAt": gave_up_at}})
    told, answer = await act(client, admin, "retry")
    assert told == status, answer
    assert (ANNOTATION_RETRY in world.items("accounts")[MINE].metadata.annotations) is (status == 200)
    if status == 409:
        assert answer["code"] == "nothing_to_retry"


async def test_a_retry_of_one_that_was_made_anew_meanwhile_is_refused(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    account = world.add_account(MINE, steps={"create_account": {"gaveUpAt": 1}})
    assert (await act(client, admin, "retry"))[0] == 200
    [write] = applies(world)
    assert write.body["metadata"]["uid"] == account.metadata.uid


async def test_a_customer_does_none_of_it(client: Client, world: World) -> None:
    world.add_account(MINE)
    for action in ("suspend", "resume", "retry"):
        response = await client.post(f"{PATH}/{action}", headers=world.headers)
        assert (response.status, await error_of(response)) == (403, "admin_key_required")


async def test_a_namespace_that_is_not_watched_is_refused_with_those_that_are(
    world: World, aiohttp_client: Any
) -> None:
    admin = world.admin()
    client = await aiohttp_client(world.app(namespaces="team-a"))
    add_elsewhere(world, "team-a")
    assert await seen(client, admin, "?namespace=team-a") == (200, "team-a")
    response = await client.get(f"{PATH}?namespace=team-b", headers=admin)
    assert (response.status, await error_of(response)) == (400, "invalid_request")
    assert "It watches n, team-a." in (await response.json())["error"]
