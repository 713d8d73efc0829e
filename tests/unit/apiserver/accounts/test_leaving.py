"""An owner suspends, closes and resumes its own account: what is written, what is refused, and what is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes.api_world import MINE, OTHERS, Client, World, error_of
from kubernetes.aio.client import ApiException

from batteries_apiserver.accounts import leaving
from batteries_crds.base import to_rfc3339, utc_now

OWNED = {"customerRef": {"name": "c"}}
PATHS = {"close": ("DELETE", ""), "suspend": ("POST", "/suspend"), "resume": ("POST", "/resume")}
WEEK = timedelta(days=7)
LATER = "2035-01-31T12:00:00Z"


async def act(client: Client, world: World, what: str, account_id: str = MINE) -> tuple[int, dict[str, Any]]:
    method, more = PATHS[what]
    answer = await client.request(method, f"/v1/accounts/{account_id}{more}", headers=world.headers)
    return answer.status, await answer.json()


def account(
    world: World, status: dict[str, Any] | None = None, *, spec: dict[str, Any] | None = None, **meta: Any
) -> None:
    known = {"phase": "active", "awsAccountId": "123456789012", **(status or {})}
    world.add("accounts", MINE, OWNED | (spec or {}), known, uid="u-1", **meta)


def spec_of(world: World) -> Any:
    return world.items("accounts")[MINE].spec


def mails(world: World) -> list[tuple[str, dict[str, str]]]:
    return [(one.spec.kind.value, dict(one.spec.details)) for one in world.items("notifications").values()]


def writes(world: World) -> list[Any]:
    return [request for request in world.requests("accounts") if request.method != "GET"]


async def test_a_closure_is_suspended_now_and_closed_after_a_week(client: Client, world: World) -> None:
    account(world)
    before = utc_now()
    status, body = await act(client, world, "close")
    assert status == 202
    at = datetime.fromisoformat(body["closesAt"])
    assert before + WEEK <= at <= utc_now() + WEEK
    assert body["status"] == "suspended"
    assert body["suspensionReasons"] == [
        {
            "reason": "ClosureRequested",
            "closesAt": body["closesAt"],
            "wayOut": "POST /v1/accounts/{id}/resume keeps it.",
        }
    ]
    assert f"AWS closes it at {body['closesAt']}." in body["message"]
    assert "AWS Support can reopen it" in body["message"]
    assert spec_of(world).close_at == at
    [write] = writes(world)
    assert (write.body["spec"], write.body["metadata"]["uid"]) == ({"closeAt": body["closesAt"]}, "u-1")
    assert "resourceVersion" in write.body["metadata"]
    shown = await (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).json()
    assert (shown["status"], shown["closesAt"]) == ("suspended", body["closesAt"])
    listed = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    assert listed[0]["closesAt"] == body["closesAt"]


async def test_the_owner_is_mailed_and_an_event_tells_once(client: Client, world: World) -> None:
    account(world)
    _, body = await act(client, world, "close")
    await act(client, world, "close")
    by = f"with your API key aib_{world.key.prefix}"
    about = {"accountId": MINE, "awsAccountId": "123456789012", "by": by, "closesAt": body["closesAt"]}
    assert mails(world) == [("ClosureRequested", about)]
    events = [one.body for one in world.api.requests if one.plural == "events" and one.method == "POST"]
    assert [event["reason"] for event in events] == ["ClosureRequested"]
    assert body["closesAt"] in events[0]["message"]


async def test_a_second_delete_has_the_same_answer_and_writes_nothing(client: Client, world: World) -> None:
    account(world)
    first = await act(client, world, "close")
    assert await act(client, world, "close") == first
    assert len(writes(world)) == 1


async def test_of_two_deletes_at_the_same_moment_the_first_date_stays(client: Client, world: World) -> None:
    account(world)
    raced: list[str] = []
    calling = world.api.before

    def another(request: Any) -> None:
        if request.method == "PATCH" and request.plural == "awsaccounts" and not raced:
            raced.append(LATER)
            world.add("accounts", MINE, {**OWNED, "closeAt": LATER}, {}, uid="u-1")
        calling(request)

    world.api.before = another
    status, body = await act(client, world, "close")
    assert (status, body["closesAt"]) == (202, LATER)
    assert mails(world) == []


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        pytest.param({"phase": "pending", "awsAccountId": None}, {}, id="before AWS was asked"),
        pytest.param({"phase": "creating"}, {}, id="while creating"),
        pytest.param({"phase": "failed"}, {}, id="failed"),
        pytest.param({"phase": "suspended"}, {"suspended": True}, id="suspended by an administrator"),
        pytest.param({"holds": {"PaymentMethodMissing": {"since": LATER}}}, {}, id="unpaid"),
        pytest.param({"holds": {"CustomerBlocked": {"since": LATER}}}, {}, id="blocked"),
        pytest.param({}, {"suspendedByOwner": True}, id="suspended by the owner"),
    ],
)
async def test_an_account_can_be_left_in_every_state(
    client: Client, world: World, status: dict[str, Any], spec: dict[str, Any]
) -> None:
    account(world, status, spec=spec)
    answer, body = await act(client, world, "close")
    assert (answer, body["status"]) == (202, "suspended")
    assert "ClosureRequested" in [one["reason"] for one in body["suspensionReasons"]]
    assert spec_of(world).suspended is spec.get("suspended", False)
    assert spec_of(world).suspended_by_owner is spec.get("suspendedByOwner", False)


@pytest.mark.parametrize("what", ["close", "suspend"])
async def test_blocked_and_unpaid_customers_may_leave_and_not_resume(client: Client, world: World, what: str) -> None:
    world.add_key(world.key)
    account(world)
    lost = {"paymentMethod": "missing", "paymentGraceSince": "2020-01-01T00:00:00Z"}
    world.add("customers", "c", {"email": "a@example.com", "blocked": True}, lost)
    assert (await act(client, world, what))[0] == 202
    status, body = await act(client, world, "resume")
    assert (status, body["code"]) == (403, "customer_blocked")
    world.add("customers", "c", {"email": "a@example.com"}, lost)
    assert (await act(client, world, "resume"))[0] == 202


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("account_id", [OTHERS, "5b8a54a8-3333-4c11-8a11-0123456789ab", "x"])
async def test_nobody_touches_anothers_account(client: Client, world: World, what: str, account_id: str) -> None:
    world.add_account(OTHERS, owner="somebody", phase="active")
    status, body = await act(client, world, what, account_id)
    assert (status, body["code"]) == (404, "account_not_found")
    assert writes(world) == []


@pytest.mark.parametrize("what", PATHS)
async def test_keys_that_only_read_and_administrators_keys_are_refused(client: Client, world: World, what: str) -> None:
    account(world)
    method, more = PATHS[what]
    key = world.add_key(world.key, scope="read")
    answer = await client.request(method, f"/v1/accounts/{MINE}{more}", headers=world.headers)
    assert (answer.status, await error_of(answer)) == (403, "scope_read_only")
    answer = await client.request(method, f"/v1/accounts/{MINE}{more}", headers=world.admin())
    assert (answer.status, await error_of(answer)) == (403, "customer_key_required")
    assert (writes(world), key.spec.scope.value) == ([], "read")


@pytest.mark.parametrize(
    "field",
    ["customerRef", "closeAt"],
)
async def test_an_account_that_git_declares_is_not_closed_here(client: Client, world: World, field: str) -> None:
    git = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {f"f:{field}": {}}}}
    account(world, managedFields=[git])
    status, body = await act(client, world, "close")
    assert (status, body["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in body["error"]
    assert writes(world) == []


async def test_what_this_api_or_a_one_off_edit_set_does_not_stand_in_the_way(client: Client, world: World) -> None:
    ours = {"manager": "batteries-apiserver", "operation": "Apply", "fieldsV1": {"f:spec": {"f:customerRef": {}}}}
    edit = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:closeAt": {}}}}
    account(world, spec={"closeAt": LATER}, managedFields=[ours, edit])
    assert (await act(client, world, "close"))[1]["closesAt"] == LATER
    assert (await act(client, world, "resume"))[0] == 202
    assert spec_of(world).close_at is None
    assert (await act(client, world, "close"))[0] == 202


@pytest.mark.parametrize("field", ["closeAt", "suspendedByOwner"])
async def test_what_git_declares_is_not_taken_back_here(client: Client, world: World, field: str) -> None:
    git = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {f"f:{field}": {}}}}
    account(world, spec={"closeAt": LATER, "suspendedByOwner": True}, managedFields=[git])
    status, body = await act(client, world, "resume")
    assert (status, body["code"]) == (409, "owned_elsewhere")
    assert writes(world) == []


async def test_suspending_and_resuming_write_the_owners_field_only(client: Client, world: World) -> None:
    account(world)
    status, body = await act(client, world, "suspend")
    assert (status, body["status"]) == (202, "suspended")
    assert [one["reason"] for one in body["suspensionReasons"]] == ["SuspendedByOwner"]
    assert "closesAt" not in body
    assert spec_of(world).suspended_by_owner is True
    assert (await act(client, world, "suspend"))[0] == 202
    assert len(writes(world)) == 1
    status, body = await act(client, world, "resume")
    assert (status, body["suspensionReasons"]) == (202, [])
    assert (spec_of(world).suspended_by_owner, spec_of(world).close_at) == (False, None)
    assert (await act(client, world, "resume"))[0] == 202
    assert [write.body["spec"] for write in writes(world)] == [{"suspendedByOwner": True}, {"suspendedByOwner": None}]
    assert mails(world) == []
    reasons = [one.body["reason"] for one in world.api.requests if one.plural == "events" and one.method == "POST"]
    assert reasons == ["SuspendedByOwner", "ResumedByOwner"]


async def test_resuming_takes_a_closure_back_and_tells(client: Client, world: World) -> None:
    account(world, spec={"closeAt": LATER, "suspendedByOwner": True})
    status, body = await act(client, world, "resume")
    assert (status, body["status"], body["suspensionReasons"]) == (202, "active", [])
    assert (spec_of(world).close_at, spec_of(world).suspended_by_owner) == (None, False)
    [(kind, details)] = mails(world)
    assert (kind, details["closesAt"]) == ("ClosureTakenBack", LATER)


@pytest.mark.parametrize(
    ("spec", "holds", "says"),
    [
        ({"suspended": True}, {}, "the platform team suspended it; ask support"),
        ({}, {"CustomerBlocked": {"since": LATER}}, "an administrator blocked you; ask support"),
        ({}, {"PaymentMethodMissing": {"since": LATER}}, "POST /v1/stripe/portal"),
        ({}, {"Expired": {"since": LATER}}, "PATCH /v1/accounts/{id}"),
        ({}, {"LaterReason": {"since": LATER}}, "the platform team holds it; ask support"),
        ({"suspended": True}, {"Expired": {"since": LATER}}, "ask support, and it has expired;"),
    ],
)
async def test_what_others_suspended_stays_and_the_owners_part_is_lifted(
    client: Client, world: World, spec: dict[str, Any], holds: dict[str, Any], says: str
) -> None:
    account(world, {"holds": holds}, spec={"suspendedByOwner": True, "closeAt": LATER, **spec})
    status, body = await act(client, world, "resume")
    assert (status, body["code"]) == (409, "account_held")
    assert says in body["error"]
    assert (spec_of(world).suspended_by_owner, spec_of(world).close_at) == (False, None)
    assert spec_of(world).suspended is spec.get("suspended", False)
    shown = await (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).json()
    assert [one["reason"] for one in shown["suspensionReasons"]] == (["Suspended"] if spec else []) + list(holds)


async def test_a_closed_account_says_who_can_reopen_it_and_until_when(client: Client, world: World) -> None:
    account(world, {"phase": "suspended", "closedAt": "2026-11-01T00:00:00Z"}, spec={"closeAt": "2026-11-01T00:00:00Z"})
    status, body = await act(client, world, "close")
    assert (status, body["closedAt"], body["reopenableUntil"]) == (202, "2026-11-01T00:00:00Z", "2027-01-30T00:00:00Z")
    assert "closesAt" not in body
    status, body = await act(client, world, "resume")
    assert (status, body["code"]) == (409, "account_closed")
    assert "AWS account 123456789012 was closed on 2026-11-01T00:00:00Z." in body["error"]
    assert "until 2027-01-30T00:00:00Z" in body["error"]
    # Or the operator would close it again as soon as AWS had reopened it.
    assert spec_of(world).close_at is None
    assert mails(world) == []
    shown = await (await client.get(f"/v1/accounts/{MINE}", headers=world.headers)).json()
    assert (shown["status"], shown["reopenableUntil"]) == ("suspended", "2027-01-30T00:00:00Z")
    assert "Only AWS Support can reopen it, until 2027-01-30T00:00:00Z." in shown["message"]


async def test_a_closed_account_is_not_asked_to_be_closed_again(client: Client, world: World) -> None:
    account(world, {"closedAt": "2026-11-01T00:00:00Z"})
    assert (await act(client, world, "close"))[0] == 202
    assert writes(world) == []


@pytest.mark.parametrize("what", PATHS)
async def test_an_account_that_is_being_deleted_is_left_alone(client: Client, world: World, what: str) -> None:
    account(world, deletionTimestamp="2026-11-01T00:00:00Z")
    status, body = await act(client, world, what)
    assert (status, body["code"]) == (409, "account_being_deleted")


async def test_an_account_that_was_deleted_or_made_anew_meanwhile_is_a_404(client: Client, world: World) -> None:
    account(world)
    world.add("accounts", MINE, OWNED, {}, uid="u-2", live_only=True)
    assert (await act(client, world, "close"))[1]["code"] == "account_not_found"
    kind = "AwsAccount"
    for key in [key for key in world.api.cluster.objects if key[0] == kind]:
        del world.api.cluster.objects[key]
    assert (await act(client, world, "suspend"))[1]["code"] == "account_not_found"


async def test_whoever_is_always_overtaken_is_told_to_try_again(client: Client, world: World) -> None:
    account(world)
    world.fail("accounts", ApiException(status=409, reason="Conflict"), "PATCH")
    status, body = await act(client, world, "suspend")
    assert (status, body["code"]) == (409, "changed_meanwhile")
    assert len(writes(world)) == 5


async def test_an_event_that_cannot_be_written_stops_nobody(client: Client, world: World) -> None:
    account(world)
    calling = world.api.before

    def refuse(request: Any) -> None:
        if request.plural == "events":
            raise ApiException(status=403, reason="Forbidden")
        calling(request)

    world.api.before = refuse
    assert (await act(client, world, "suspend"))[0] == 202


async def test_the_quarantine_is_a_setting_and_none_closes_at_once(world: World) -> None:
    account(world)
    found = world.kube.caches.accounts.get(MINE)
    assert found is not None
    before = utc_now()
    closed, written = await leaving.close(world.kube, found, timedelta(0))
    assert written
    assert to_rfc3339(before) <= to_rfc3339(closed.spec.close_at or before) <= to_rfc3339(utc_now())


@pytest.mark.parametrize("what", PATHS)
async def test_each_of_them_waits_as_preferred(client: Client, world: World, what: str) -> None:
    account(world)
    method, more = PATHS[what]
    headers = {**world.headers, "Prefer": "wait=0"}
    answer = await client.request(method, f"/v1/accounts/{MINE}{more}", headers=headers)
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "wait=0")
