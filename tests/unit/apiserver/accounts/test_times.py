"""When an account ends, over HTTP: ttl or expiresAt at POST, extended by PATCH, within the longest life allowed."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes.api_world import MINE, Client, World, error_of
from fakes.field_owners import owned

from batteries_apiserver.accounts.bodies import NewAccount
from batteries_apiserver.http.idempotency import fingerprint
from batteries_crds.base import to_rfc3339, utc_now

DAY = timedelta(days=1)
LATER, LATEST = "2035-01-31T12:00:00Z", "2036-01-31T12:00:00Z"
PATH = f"/v1/accounts/{MINE}"
ROLE = "arn:aws:iam::123456789012:role/GitHubActionsDeployRole"


async def post(client: Client, world: World, **body: Any) -> tuple[int, dict[str, Any]]:
    if "c" not in world.items("customers"):
        world.add_customer()
    answer = await client.post("/v1/accounts", headers=world.headers, json=body)
    return answer.status, await answer.json()


async def patch(client: Client, world: World, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await client.patch(PATH, headers=world.headers, json=body)
    return answer.status, await answer.json()


def add(world: World, status: dict[str, Any] | None = None, /, *, meta: Any = None, **spec: Any) -> None:
    world.add_customer()
    known = {"phase": "active", "awsAccountId": "123456789012", "oidcRoleArn": ROLE, **(status or {})}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, **spec}, known, uid="u-1", **(meta or {}))


def spec_of(world: World) -> Any:
    return world.items("accounts")[MINE].spec


async def test_a_new_account_may_have_an_end_which_every_answer_shows(client: Client, world: World) -> None:
    status, body = await post(client, world, expiresAt="2035-01-31T14:00:00.5+02:00", expiryPolicy="Close")
    assert (status, body["expiresAt"]) == (202, LATER)
    [made] = world.items("accounts").values()
    assert (to_rfc3339(made.spec.expires_at), made.spec.expiry_policy) == (LATER, "Close")
    shown = await (await client.get(f"/v1/accounts/{body['accountId']}", headers=world.headers)).json()
    assert (shown["expiresAt"], shown["expiryPolicy"], "closesAt" in shown) == (LATER, "Close", False)
    [listed] = (await (await client.get("/v1/accounts", headers=world.headers)).json())["accounts"]
    assert listed["expiresAt"] == LATER


@pytest.mark.parametrize(
    ("ttl", "span"),
    [
        ("14d", 14 * DAY),
        ("36h", 36 * DAY / 24),
        ("90m", timedelta(minutes=90)),
        ("600s", timedelta(seconds=600)),
        ("2w", 14 * DAY),
        ("36500d", 36500 * DAY),
    ],
)
async def test_a_ttl_is_a_span_from_now(client: Client, world: World, ttl: str, span: timedelta) -> None:
    before = utc_now()
    _, body = await post(client, world, ttl=ttl)
    assert before + span <= datetime.fromisoformat(body["expiresAt"]) <= utc_now() + span
    [made] = world.items("accounts").values()
    assert to_rfc3339(made.spec.expires_at) == body["expiresAt"]


async def test_without_an_end_everything_is_as_it_was(client: Client, world: World) -> None:
    _, body = await post(client, world)
    assert {"accountId", "status", "createdAt", "message"} == body.keys()
    [write] = [each for each in world.requests("accounts") if each.method == "PATCH"]
    assert write.body["spec"] == {"customerRef": {"name": "c"}, "githubRepos": []}
    shown = await (await client.get(f"/v1/accounts/{body['accountId']}", headers=world.headers)).json()
    assert not {"expiresAt", "expiryPolicy", "closesAt"} & shown.keys()


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"ttl": "14d", "expiresAt": LATER}, "Send ttl or expiresAt, not both"),
        ({"ttl": "14 days"}, "a number and a unit in quotes, such as 14d"),
        ({"ttl": "0d"}, "a number and a unit"),
        ({"ttl": "-1d"}, "a number and a unit"),
        ({"ttl": "36501d"}, "at most 100 years"),
        ({"ttl": "999999999w"}, "at most 100 years"),
        ({"ttl": 600}, "a number and a unit in quotes"),
        ({"ttl": "١d"}, "a number and a unit"),
        ({"expiresAt": "tomorrow"}, "a time as in RFC 3339"),
        ({"expiresAt": "2035-01-31"}, "a time as in RFC 3339"),
        ({"expiresAt": "2035-01-31T12:00:00"}, "a time as in RFC 3339"),
        ({"expiresAt": 1}, "a time as in RFC 3339"),
        ({"expiresAt": "2020-01-31T12:00:00Z"}, "must be in the future"),
        ({"expiresAt": "3000-01-01T00:00:00Z"}, "must be before the year 3000"),
        ({"expiresAt": "9999-12-31T23:59:59-23:59"}, "must be before the year 3000"),
        ({"expiryPolicy": "Delete"}, "expiryPolicy"),
        ({"expiryPolicy": None}, "expiryPolicy"),
        ({"expires": LATER}, "expires"),
    ],
)
async def test_a_wrong_end_is_a_400_that_says_what_is_wrong(
    client: Client, world: World, body: dict[str, Any], part: str
) -> None:
    status, answer = await post(client, world, **body)
    assert (status, part in answer["error"]) == (400, True), answer
    assert world.items("accounts") == {}
    add(world)
    if "ttl" not in body:
        status, answer = await patch(client, world, **body)
        assert (status, part in answer["error"]) == (400, True), answer
    assert spec_of(world).expires_at is None


async def test_now_is_not_the_future_and_a_second_later_is(client: Client, world: World) -> None:
    assert (await post(client, world, expiresAt=to_rfc3339(utc_now())))[0] == 400
    assert (await post(client, world, expiresAt=to_rfc3339(utc_now() + timedelta(seconds=30))))[0] == 202
    assert (await post(client, world, expiresAt="2999-12-31T23:59:59Z"))[0] == 202


async def test_a_patch_needs_no_repositories_and_changes_none(client: Client, world: World) -> None:
    add(world, githubRepos=["o/r"])
    status, body = await patch(client, world, expiresAt=LATER, expiryPolicy="Close")
    assert (status, body["expiresAt"], body["expiryPolicy"], body["githubRepos"]) == (200, LATER, "Close", ["o/r"])
    assert to_rfc3339(spec_of(world).expires_at) == LATER
    [write] = [each for each in world.requests("accounts") if each.method == "PATCH"]
    assert write.body["spec"] == {"expiresAt": LATER, "expiryPolicy": "Close"}
    assert write.body["metadata"].keys() == {"uid", "resourceVersion"}
    assert write.query["fieldManager"] == "batteries-apiserver-times"
    assert world.items("notifications") == {}, "of no change of repositories"
    [event] = [one.body for one in world.api.requests if one.plural == "events" and one.method == "POST"]
    assert (event["reason"], LATER in event["message"]) == ("EndChanged", True)


async def test_null_takes_the_end_away_and_the_policy_may_change_alone(client: Client, world: World) -> None:
    add(world, expiresAt=LATER)
    status, body = await patch(client, world, expiryPolicy="Close")
    assert (status, body["expiresAt"], body["expiryPolicy"]) == (200, LATER, "Close")
    status, body = await patch(client, world, expiresAt=None)
    assert (status, "expiresAt" in body, "expiryPolicy" in body) == (200, False, False)
    assert (spec_of(world).expires_at, spec_of(world).expiry_policy) == (None, "Close")


async def test_what_does_not_change_is_not_written(client: Client, world: World) -> None:
    add(world, expiresAt=LATER, expiryPolicy="Close")
    for body in ({"expiresAt": LATER}, {"expiryPolicy": "Close"}, {"expiresAt": LATER, "expiryPolicy": "Close"}):
        assert (await patch(client, world, **body))[0] == 200
    assert [each.method for each in world.requests("accounts") if each.method != "GET"] == []


async def test_repositories_and_the_end_change_together(client: Client, world: World) -> None:
    add(world)
    status, body = await patch(client, world, githubRepos=["o/r"], expiresAt=LATER)
    assert (status, body["githubRepos"], body["expiresAt"]) == (200, ["o/r"], LATER)
    assert (spec_of(world).github_repos, to_rfc3339(spec_of(world).expires_at)) == (["o/r"], LATER)


@pytest.mark.parametrize("phase", ["pending", "creating", "failed", "suspended"])
async def test_it_is_extended_in_every_state_and_an_expired_one_too(client: Client, world: World, phase: str) -> None:
    add(
        world,
        {"phase": phase, "holds": {"Expired": {"since": "2026-11-24T08:00:00Z"}}},
        expiresAt="2026-11-24T08:00:00Z",
    )
    assert (await patch(client, world, expiresAt=LATER))[0] == 200
    assert to_rfc3339(spec_of(world).expires_at) == LATER
    status, body = await patch(client, world, expiresAt=LATEST, githubRepos=["o/r"])
    assert (status, body["code"]) == (409, "account_not_active")
    assert to_rfc3339(spec_of(world).expires_at) == LATER, "nothing of a refused request is done"


async def test_one_that_is_deleted_is_not_extended(client: Client, world: World) -> None:
    add(world, meta={"deletionTimestamp": "2026-11-24T08:00:00Z", "finalizers": ["x"]})
    status, body = await patch(client, world, expiresAt=LATER)
    assert (status, body["code"]) == (409, "account_being_deleted")


async def test_of_two_extensions_at_the_same_moment_none_is_lost(client: Client, world: World) -> None:
    add(world, expiresAt=LATER)
    raced: list[str] = []
    calling = world.api.before

    def another(request: Any) -> None:
        if request.method == "PATCH" and request.plural == "awsaccounts" and not raced:
            raced.append("x")
            world.api.cluster.patch("AwsAccount", "n", MINE, {"spec": {"expiryPolicy": "Close"}})
        calling(request)

    world.api.before = another
    assert (await patch(client, world, expiresAt=LATEST))[0] == 200
    assert (to_rfc3339(spec_of(world).expires_at), spec_of(world).expiry_policy) == (LATEST, "Close")


async def test_an_end_that_git_declares_is_changed_there(client: Client, world: World) -> None:
    meta = owned("argocd-controller", "Apply", {"spec": {"expiresAt": LATER}})
    add(world, meta=meta, expiresAt=LATER)
    status, body = await patch(client, world, expiresAt=LATEST)
    assert (status, body["code"], "argocd-controller" in body["error"]) == (409, "owned_elsewhere", True)
    assert (await patch(client, world, expiryPolicy="Close"))[0] == 200, "that field is not git's"


@pytest.mark.parametrize("owner", ["batteries-apiserver", "batteries-apiserver-times", "argocd-controller"])
async def test_a_change_of_repositories_keeps_the_end_and_no_share_of_git_s(
    client: Client, world: World, owner: str
) -> None:
    spec = {"expiresAt": LATER, "expiryPolicy": "Close"}
    ours = owned("batteries-apiserver", "Apply", {"spec": {"githubRepos": []}})
    theirs = owned(owner, "Apply", {"spec": spec})
    if owner == "batteries-apiserver":
        ours, theirs = owned(owner, "Apply", {"spec": {"githubRepos": [], **spec}}), {"managedFields": []}
    add(world, meta={"managedFields": ours["managedFields"] + theirs["managedFields"]}, **spec)
    assert (await patch(client, world, githubRepos=["o/r"]))[0] == 200
    assert (to_rfc3339(spec_of(world).expires_at), spec_of(world).expiry_policy) == (LATER, "Close")
    [write] = [each for each in world.requests("accounts") if each.method == "PATCH"]
    is_ours = owner == "batteries-apiserver"
    assert ("expiresAt" in write.body["spec"], "resourceVersion" in write.body["metadata"]) == (is_ours, is_ours)


async def test_where_accounts_have_a_longest_life_each_has_an_end(aiohttp_client: Any, world: World) -> None:
    client: Client = await aiohttp_client(world.app(max_ttl_seconds=30 * 86400))
    before = utc_now()
    _, body = await post(client, world)
    assert before + 30 * DAY <= datetime.fromisoformat(body["expiresAt"]) <= utc_now() + 30 * DAY
    assert (await post(client, world, ttl="30d"))[0] == 202
    for wrong in ({"ttl": "31d"}, {"expiresAt": LATER}):
        status, body = await post(client, world, **wrong)
        assert (status, "at most 2592000 seconds from now" in body["error"]) == (400, True)
    soon = to_rfc3339(utc_now() + 29 * DAY)
    add(world, expiresAt=soon)
    beyond: list[dict[str, Any]] = [{"expiresAt": LATER, "githubRepos": ["o/r"]}, {"expiresAt": None}]
    for change in beyond:
        status, body = await patch(client, world, **change)
        assert (status, "at most 2592000 seconds from now" in body["error"]) == (400, True)
        assert spec_of(world).github_repos == []
    assert (await patch(client, world, expiresAt=to_rfc3339(utc_now() + 30 * DAY)))[0] == 200


async def test_an_account_that_is_to_be_closed_says_when(client: Client, world: World) -> None:
    hold = {"since": "2026-11-24T08:00:00Z", "closesAt": LATER}
    add(world, {"holds": {"Expired": hold}}, expiresAt="2026-11-24T08:00:00Z", expiryPolicy="Close")
    status, body = await patch(client, world, expiryPolicy="Close")
    assert (status, body["closesAt"], body["status"]) == (200, LATER, "suspended")


async def test_a_repeat_with_its_key_is_the_same_account_and_an_old_body_has_its_old_fingerprint(
    client: Client, world: World
) -> None:
    world.add_customer()
    headers = {**world.headers, "Idempotency-Key": "k"}
    first = await (await client.post("/v1/accounts", headers=headers, json={"ttl": "14d"})).json()
    again = await (await client.post("/v1/accounts", headers=headers, json={"ttl": "14d"})).json()
    assert again["accountId"] == first["accountId"]
    other = await client.post("/v1/accounts", headers=headers, json={"ttl": "15d"})
    assert (other.status, await error_of(other)) == (422, "idempotency_key_reused")
    assert NewAccount.added >= {"ttl", "expires_at", "expiry_policy", "repositories", "deploy_from"}
    old = fingerprint(NewAccount(github_repos=["o/r"]))
    assert old == hashlib.sha256(b'{"github_repos":["o/r"]}').hexdigest()
