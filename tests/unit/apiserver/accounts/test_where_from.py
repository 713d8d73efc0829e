"""Customers say where deployments come from, in either form of the list, and see it as they would send it."""

from typing import Any

import pytest
from fakes.api_world import MINE, Client, World, settings

from batteries_apiserver.accounts.bodies import AccountChange, NewAccount
from batteries_apiserver.accounts.repositories import applied
from batteries_apiserver.http.idempotency import fingerprint
from batteries_apiserver.runtime.repository_settings import RepositorySettings
from batteries_crds.github.repository_fields import RepositoryFields

MAIN = {"branches": ["main"], "tags": [], "environments": [], "pullRequests": False}
NONE = {"branches": [], "tags": [], "environments": [], "pullRequests": False}
REQUESTS = NONE | {"pullRequests": True}
RULED = {"repository": "o/infra", "deployFrom": {"environments": ["production"]}}


async def _spec(world: World, account_id: str) -> Any:
    return world.items("accounts")[account_id].spec.to_wire()


async def test_an_account_is_made_with_its_rules_and_shows_them(client: Client, world: World) -> None:
    world.add_customer()
    body = {
        "repositories": [{"repository": "o/web"}, RULED],
        "deployFrom": {"branches": ["main"]},
        "readOnlyFrom": {"pullRequests": True},
    }
    response = await client.post("/v1/accounts", headers=world.headers, json=body)
    assert response.status == 202
    account_id = (await response.json())["accountId"]
    [spec] = [each.spec for each in world.items("accounts").values()]
    assert (spec.github_repos, [each.repository for each in spec.repositories]) == (["o/web"], ["o/infra"])
    assert [str(each) for each in spec.deploying] == ["o/infra (environment production)", "o/web (branch main)"]
    shown = await (await client.get(f"/v1/accounts/{account_id}", headers=world.headers)).json()
    assert shown["githubRepos"] == ["o/web", "o/infra"]
    assert shown["repositories"] == [
        {"repository": "o/web"},
        {"repository": "o/infra", "deployFrom": NONE | {"environments": ["production"]}},
    ]
    assert (shown["deployFrom"], shown["readOnlyFrom"], shown["pinned"]) == (MAIN, REQUESTS, False)
    assert "readOnlyRoleArn" not in shown


async def test_an_account_without_rules_shows_what_old_clients_know(client: Client, world: World) -> None:
    world.add_customer()
    response = await client.post("/v1/accounts", headers=world.headers, json={"githubRepos": []})
    account_id = (await response.json())["accountId"]
    shown = await (await client.get(f"/v1/accounts/{account_id}", headers=world.headers)).json()
    assert not {"repositories", "deployFrom", "readOnlyFrom", "readOnlyRoleArn", "pinned"} & shown.keys()
    [request] = [each for each in world.requests("accounts") if each.method == "PATCH"]
    assert request.body["spec"] == {"customerRef": {"name": "c"}, "githubRepos": []}, "as the releases before it"


async def test_a_change_answers_with_the_rules(client: Client, world: World) -> None:
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, "githubRepos": ["o@1/r@2"]}, {"phase": "active"})
    world.add_customer()
    response = await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, json={"deployFrom": MAIN})
    assert response.status == 200
    body = await response.json()
    assert (body["githubRepos"], body["deployFrom"], body["pinned"]) == (["o@1/r@2"], MAIN, True)
    [mail] = [each.spec for each in world.items("notifications").values()]
    assert mail.details["repositories"] == "o@1/r@2 (branch main)"
    response = await client.patch(
        f"/v1/accounts/{MINE}", headers=world.headers, json={"readOnlyFrom": {"pullRequests": True}}
    )
    told = {each.spec.details["repositories"] for each in world.items("notifications").values()}
    assert "o@1/r@2 (branch main); may read: o@1/r@2 (pull requests)" in told
    writes = len(world.requests("accounts"))
    await client.patch(f"/v1/accounts/{MINE}", headers=world.headers, json={"deployFrom": MAIN})
    assert not [each for each in world.requests("accounts")[writes:] if each.method == "PATCH"], "nothing changed"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"githubRepos": [], "repositories": []},
            "Send githubRepos or repositories, not both: each is the whole list.",
        ),
        ({"repositories": [{"repository": "o/*"}]}, "'o/*' is not a repository."),
        ({"repositories": [{"repository": "o/r"}, {"repository": "O/r"}]}, "'O/r' is listed twice."),
        ({"repositories": [{}]}, "The field repositories[0].repository is required."),
        ({"repositories": ["o/r"]}, "The field repositories[0] must be an object."),
        (
            {"deployFrom": {"branches": ["refs/heads/main"]}},
            "'refs/heads/main' is not a branch or tag that can be listed.",
        ),
        ({"deployFrom": {"tags": ["a b"]}}, "'a b' is not a branch or tag that can be listed."),
        ({"deployFrom": {"environments": ["*"]}}, "'*' is not an environment that can be listed."),
        ({"deployFrom": {"branches": ["a", "a"]}}, "'a' is listed twice. Name each once."),
        ({"readOnlyFrom": {"pullRequests": "yes"}}, "The field readOnlyFrom.pullRequests must be true or false."),
        ({"deployFrom": "main"}, "The field deployFrom must be an object."),
        ({"deployFrom": {"branch": ["main"]}}, "deployFrom.branch"),
        (
            {"githubRepos": ["o/r"], "deployFrom": {"environments": [f"{'e' * 250}{n}" for n in range(9)]}},
            "AWS allows 2048",
        ),
        (
            {"githubRepos": ["o/r"], "readOnlyFrom": {"environments": [f"{'e' * 250}{n}" for n in range(9)]}},
            "AWS allows 2048",
        ),
    ],
)
async def test_what_cannot_be_is_said(client: Client, world: World, body: Any, says: str) -> None:
    world.add_customer()
    for method, path in (("POST", "/v1/accounts"), ("PATCH", f"/v1/accounts/{MINE}")):
        response = await client.request(method, path, headers=world.headers, json=body)
        assert response.status == 400, await response.text()
        assert says in (await response.json())["error"]
    assert not world.items("accounts")


def _after(before: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    wanted = AccountChange.model_validate(body, by_alias=True, by_name=False)
    return applied(wanted, RepositoryFields.model_validate(before)).to_wire()


PRODUCTION = NONE | {"environments": ["production"]}
INFRA = {"repository": "o/infra", "deployFrom": PRODUCTION}


@pytest.mark.parametrize(
    ("body", "names", "entries"),
    [
        ({"githubRepos": ["o/web", "o/infra"]}, ["o/web"], [INFRA]),
        ({"githubRepos": ["o/web"]}, ["o/web"], []),
        ({"githubRepos": ["O/Infra", "o/new"]}, ["o/new"], [INFRA | {"repository": "O/Infra"}]),
        ({"githubRepos": ["o@1/infra@2"]}, [], [INFRA | {"repository": "o@1/infra@2"}]),
        ({"repositories": [{"repository": "o/infra"}]}, ["o/infra"], []),
        (
            {"repositories": [{"repository": "o/web", "readOnlyFrom": {}}]},
            [],
            [{"repository": "o/web", "readOnlyFrom": NONE}],
        ),
        ({"deployFrom": None}, ["o/web"], [INFRA]),
    ],
)
def test_who_knows_names_alone_does_not_widen_what_another_narrowed(
    body: dict[str, Any], names: list[str], entries: list[Any]
) -> None:
    after = _after({"githubRepos": ["o/web"], "repositories": [INFRA]}, body)
    assert (after["githubRepos"], after["repositories"]) == (names, entries)


def test_a_repository_that_is_listed_by_name_and_by_ids_keeps_both_rules() -> None:
    pinned = {"repository": "o@1/infra@2", "deployFrom": MAIN}
    after = _after({"repositories": [INFRA, pinned]}, {"githubRepos": ["o/infra", "o@1/infra@2"]})
    assert after["repositories"] == [INFRA, pinned]


def test_what_is_absent_stays_and_null_takes_it_away() -> None:
    before = {"githubRepos": ["o/r"], "deployFrom": MAIN, "readOnlyFrom": REQUESTS}
    assert _after(before, {"githubRepos": []}) == before | {"githubRepos": [], "repositories": []}
    after = _after(before, {"deployFrom": None})
    assert "deployFrom" not in after
    assert after["readOnlyFrom"] == REQUESTS
    assert _after(before, {"readOnlyFrom": {}})["readOnlyFrom"] == NONE


def test_a_body_of_before_is_still_the_same_request() -> None:
    """Its fingerprint is in annotations: a repeat after an upgrade must be recognized."""
    plain = fingerprint(NewAccount(github_repos=["o/r"]))
    assert plain == fingerprint(NewAccount.model_validate({"githubRepos": ["o/r"]}, by_alias=True, by_name=False))
    assert plain == "bd9f2b894fc0c0fcd75ec9bd2f6dc17a9df2964acb3f89d2c934947e4d7347ed"
    others = [{"deployFrom": None}, {"deployFrom": MAIN}, {"repositories": []}, {"readOnlyFrom": {}}]
    prints = {fingerprint(NewAccount.model_validate(body, by_alias=True, by_name=False)) for body in others}
    assert len(prints | {plain, fingerprint(NewAccount())}) == 6


async def test_the_installations_default_is_written_to_new_accounts(world: World, aiohttp_client: Any) -> None:
    world.add_customer()
    client = await aiohttp_client(world.app(default_deploy_from="branch:main,pull_requests"))
    wishes: list[Any] = [{}, {"deployFrom": {"tags": ["v*"]}}, {"deployFrom": None}]
    for body in wishes:
        assert (await client.post("/v1/accounts", headers=world.headers, json=body)).status == 202
    made = [each.spec.deploy_from for each in world.items("accounts").values()]
    assert sorted(str(each) for each in made) == ["None", "branch main, pull requests", "tag v*"]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", "None"),
        (" , ", "None"),
        ("branch:main", "branch main"),
        (
            "branch:release/*, tag:v1,environment:eu west,pull_requests",
            "branch release/*, tag v1, environment eu west, pull requests",
        ),
    ],
)
def test_the_settings_form(text: str, means: str) -> None:
    assert str(RepositorySettings(default_deploy_from=text).new_account.deploy_from) == means


@pytest.mark.parametrize(
    "text", ["main", "branch", "fork:x", "branch:a b", "tag:", "environment:*", "branch:a,branch:a"]
)
def test_a_setting_that_names_no_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no run\. Write it as|can be listed|listed twice"):
        settings(default_deploy_from=text)
