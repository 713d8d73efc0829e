"""Administrators change a customer's limit, block it and unblock it, and never undo what git wants."""

from typing import Any

import pytest
from fakes.api_world import NAMESPACE, Client, World, error_of
from fakes.kube_api import Request
from kubernetes.aio.client import ApiException

PATH = "/v1/admin/customers/c"


@pytest.fixture
def admin(world: World) -> dict[str, str]:
    """An administrator's headers."""
    return world.admin()


def writes(world: World) -> list[Request]:
    return [request for request in world.requests("customers") if request.method != "GET"]


async def limit(client: Client, admin: dict[str, str], wanted: Any) -> tuple[int, Any]:
    response = await client.patch(PATH, headers=admin, json={"accountLimit": wanted})
    return response.status, await response.json()


async def test_a_limit_is_written_with_a_field_manager_of_its_own(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    customer = world.add_customer(limit=10)
    status, view = await limit(client, admin, 11)
    assert (status, view["accountLimit"]) == (200, 11)
    [write] = writes(world)
    assert (write.query["fieldManager"], write.body["spec"]) == ("batteries-apiserver-limit", {"accountLimit": 11})
    assert write.body["metadata"]["uid"] == customer.metadata.uid, "a deleted one is not created again"


async def test_the_same_limit_is_not_written(client: Client, world: World, admin: dict[str, str]) -> None:
    world.add_customer(limit=10)
    assert (await limit(client, admin, 10))[0] == 200
    assert writes(world) == []


@pytest.mark.parametrize(("wanted", "status"), [(0, 200), (10.0, 200), (100_000, 200)])
@pytest.mark.parametrize(("outside", "refused"), [(-1, 400), (10.5, 400), (100_001, 400), ("1", 400), (True, 400)])
async def test_a_limit_is_a_whole_number_within_its_bounds(
    client: Client, world: World, admin: dict[str, str], wanted: Any, status: int, outside: Any, refused: int
) -> None:
    world.add_customer()
    assert (await limit(client, admin, wanted))[0] == status
    assert (await limit(client, admin, outside))[0] == refused
    assert world.items("customers")["c"].spec.account_limit == wanted


async def test_a_limit_of_git_is_left_to_git(client: Client, world: World, admin: dict[str, str]) -> None:
    git = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:accountLimit": {}}}}
    spec = {"email": "a@example.com", "accountLimit": 3}
    world.add("customers", "c", spec, {}, managedFields=[git])
    status, answer = await limit(client, admin, 4)
    assert (status, answer["code"]) == (409, "owned_elsewhere")
    assert "This part of the customer is managed by argocd-controller" in answer["error"]
    assert world.items("customers")["c"].spec.account_limit == 3


async def block(client: Client, admin: dict[str, str], **body: Any) -> dict[str, Any]:
    response = await client.post(f"{PATH}/block", headers=admin, json=body or None)
    assert response.status == 200, await response.text()
    answer: dict[str, Any] = await response.json()
    return answer


async def test_a_block_says_why_and_a_second_one_may_say_it_better(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    world.add_customer()
    view = await block(client, admin, reason="fraud")
    assert (view["blocked"], view["blockedReason"]) == (True, "fraud")
    assert (await block(client, admin))["blockedReason"] == "fraud", "a block without a reason keeps the first one"
    assert len(writes(world)) == 1, "what is so already is not written"
    assert (await block(client, admin, reason="stolen card"))["blockedReason"] == "stolen card"
    assert len(writes(world)) == 2


async def test_a_block_without_a_reason_has_none(client: Client, world: World, admin: dict[str, str]) -> None:
    world.add_customer()
    assert "blockedReason" not in await block(client, admin)


async def test_an_unblocked_customer_is_no_more_blocked_and_its_limit_is_untouched(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    world.add_customer(limit=3)
    await limit(client, admin, 4)
    await block(client, admin, reason="fraud")
    response = await client.post(f"{PATH}/unblock", headers=admin)
    view = await response.json()
    assert (view["blocked"], view["accountLimit"]) == (False, 4)
    assert "blockedReason" not in view
    before = len(writes(world))
    await client.post(f"{PATH}/unblock", headers=admin)
    assert len(writes(world)) == before, "who is not blocked is not unblocked"


async def test_a_customer_that_is_written_all_the_time_is_tried_again_a_few_times(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    world.add_customer()
    refused: list[Request] = []

    def before(request: Request) -> None:
        if request.plural == "customers" and request.method == "PATCH" and len(refused) < 4:
            refused.append(request)
            raise ApiException(status=409)

    world.api.before = before
    assert (await limit(client, admin, 4))[0] == 200
    world.fail("customers", ApiException(status=409), "PATCH")
    refused.clear()
    world.api.before = lambda request: _always(request)
    status, answer = await limit(client, admin, 5)
    assert (status, answer["code"]) == (409, "changed_meanwhile")


def _always(request: Request) -> None:
    if request.plural == "customers" and request.method == "PATCH":
        raise ApiException(status=409)


@pytest.mark.parametrize(("refusal", "status", "code"), [(404, 404, "customer_not_found"), (500, 503, "unavailable")])
async def test_what_kubernetes_says_is_said_in_our_words(
    client: Client, world: World, admin: dict[str, str], refusal: int, status: int, code: str
) -> None:
    world.add_customer()
    world.fail("customers", ApiException(status=refusal), "PATCH")
    told, answer = await limit(client, admin, 4)
    assert (told, answer["code"]) == (status, code)


async def test_customers_are_listed_oldest_first_with_all_that_an_administrator_needs(
    client: Client, world: World, admin: dict[str, str]
) -> None:
    status = {
        "paymentMethod": "missing",
        "paymentMethodSince": "2026-11-24T08:00:00Z",
        "paymentGraceSince": "2026-11-24T08:00:00Z",
        "paymentReason": "InvoicePastDue",
        "cardFingerprints": ["f1"],
    }
    spec = {"email": "b@example.com", "accountLimit": 3}
    world.add("customers", "young", spec, {"cardFingerprints": ["f1"]}, creationTimestamp="2026-11-25T08:00:00Z")
    world.add("customers", "old", spec, status, creationTimestamp="2026-11-24T08:00:00Z")
    world.add_account("5b8a54a8-1111-4c11-8a11-0123456789ab", owner="old")
    listed = (await (await client.get("/v1/admin/customers", headers=admin)).json())["customers"]
    assert [one["customerId"] for one in listed] == ["old", "young"]
    assert listed[0] == {
        "customerId": "old",
        "email": "b@example.com",
        "createdAt": "2026-11-24T08:00:00Z",
        "accountLimit": 3,
        "accountCount": 1,
        "paymentMethod": "missing",
        "paymentMethodSince": "2026-11-24T08:00:00Z",
        "paymentReason": "InvoicePastDue",
        "suspendsAt": "2026-12-01T08:00:00Z",
        "blocked": False,
        "sameCard": ["young"],
    }
    response = await client.get("/v1/admin/customers?limit=1", headers=admin)
    assert [one["customerId"] for one in (await response.json())["customers"]] == ["old"]
    assert 'rel="next"' in response.headers["Link"]


async def test_a_customer_that_is_not_there_is_not_found(client: Client, world: World, admin: dict[str, str]) -> None:
    for method, path in (("GET", PATH), ("POST", f"{PATH}/block"), ("POST", f"{PATH}/unblock")):
        response = await client.request(method, path, headers=admin)
        assert (response.status, await error_of(response)) == (404, "customer_not_found")
    assert (await limit(client, admin, 3))[0] == 404
    assert ("Customer", NAMESPACE, "c") not in world.api.cluster.objects
