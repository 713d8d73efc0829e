"""/v1/accounts on a real kube-apiserver: who owns which field, and what several replicas see."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import orjson
import pytest
from aiohttp import ServerDisconnectedError, web
from aiohttp.test_utils import TestClient
from fakes.until import until
from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi

from batteries_apiserver.accounts import ownership
from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.kube.client import Resources, connect
from batteries_crds.names import API_VERSION, GROUP, VERSION

Client = TestClient[web.Request, web.Application]
OWNER = "11111111-1111-4111-8111-111111111111"


class Cluster(Protocol):
    """What the `cluster` fixture gives."""

    kubeconfig: Any

    def namespace(self) -> str: ...

    def run(self, *arguments: str, stdin: str | None = None) -> str: ...


class World:
    """One namespace with a paying customer and its key, and two replicas of the API."""

    def __init__(self, api: ApiClient, namespace: str, client: Client, replica: Client, key: NewKey) -> None:
        self.api, self.namespace, self.client, self.replica, self.key = api, namespace, client, replica, key

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.raw}"}

    def accounts(self, manager: str = "test") -> Resources[AwsAccount]:
        return Resources(self.api, AwsAccount, manager)

    async def post(self, *repositories: str) -> str:
        response = await self.client.post(
            "/v1/accounts", headers=self.headers, json={"githubRepos": list(repositories)}
        )
        assert response.status == 202, await response.text()
        return str((await response.json())["accountId"])

    async def patch(self, account_id: str, *repositories: str) -> tuple[int, dict[str, Any]]:
        response = await self.client.patch(
            f"/v1/accounts/{account_id}", headers=self.headers, json={"githubRepos": list(repositories)}
        )
        return response.status, await response.json()

    async def activate(self, name: str, phase: str = "active") -> None:
        """Does the operator's part."""
        body = {"status": {"phase": phase, "awsAccountId": "123456789012", "oidcRoleArn": "arn:aws:iam::1:role/r"}}
        await self.accounts("batteries-operator").merge_status(self.namespace, name, body)

    async def raw(self, name: str) -> dict[str, Any]:
        """The object with its managed fields, which the models leave out."""
        found: Any = await CustomObjectsApi(self.api).get_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "awsaccounts", name
        )
        return dict(found)


@pytest.fixture
async def world(
    cluster: Cluster, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[World]:
    namespace = cluster.namespace()
    settings = Settings(kubeconfig=str(cluster.kubeconfig), namespace=namespace, api_last_used_seconds=0.2)
    async with await connect(str(cluster.kubeconfig)) as api:
        customers, keys = Resources(api, Customer, "test"), Resources(api, ApiKey, "test")
        await customers.create(namespace, {"metadata": {"name": OWNER}, "spec": {"email": "a@example.com"}})
        await customers.merge_status(namespace, OWNER, {"status": {"paymentMethod": "valid"}})
        key = mint()
        await keys.create(namespace, key_object("first", key))
        client, replica = await aiohttp_client(make_app(settings)), await aiohttp_client(make_app(settings))
        for one in (client, replica):
            await until_ready(one)
        yield World(api, namespace, client, replica, key)


def key_object(name: str, key: NewKey) -> dict[str, Any]:
    spec = {"customerRef": {"name": OWNER}, "keyPrefix": key.prefix, "keyHash": key.digest}
    return {"metadata": {"name": name}, "spec": spec}


async def until_ready(client: Client) -> None:
    await until(lambda: _is_ready(client))


async def _is_ready(client: Client) -> bool:
    return (await client.get("/readyz")).status == 200


def owned_by(raw: dict[str, Any], manager: str) -> dict[str, Any]:
    """The spec and label fields that a manager holds by apply."""
    entries = [e for e in raw["metadata"]["managedFields"] if e["manager"] == manager and e["operation"] == "Apply"]
    assert len(entries) <= 1
    return dict(entries[0]["fieldsV1"]) if entries else {}


async def test_an_account_that_was_asked_for_can_be_read_at_once_on_every_replica(world: World) -> None:
    account_id = await world.post("my-org/my-app")
    for client in (world.client, world.replica):
        response = await client.get(f"/v1/accounts/{account_id}", headers=world.headers)
        assert response.status == 200
        shown = await response.json()
        assert (shown["accountId"], shown["status"], shown["provisioningStep"], shown["githubRepos"]) == (
            account_id,
            "pending",
            "create_account",
            ["my-org/my-app"],
        )


LOST = (ServerDisconnectedError(), ApiException(status=500), ApiException(status=503), TimeoutError())


@pytest.mark.parametrize("error", LOST, ids=repr)
@pytest.mark.parametrize("happens", ["done, lost", "lost, answered", "lost, done, lost", "lost, late"])
async def test_an_account_whose_making_was_not_answered_is_one_account_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, happens: str
) -> None:
    """Late is a first write that Kubernetes does when the second arrives, which it refuses then."""
    accounts = world.client.server.app[KUBE].accounts  # type: ignore[attr-defined]
    apply, coming = accounts.apply, iter(happens.split(", "))

    async def losing(*given: Any) -> Any:
        match next(coming):
            case "answered":
                return await apply(*given)
            case "late":
                await apply(*given)
                return await apply(*given)
            case "done":
                await apply(*given)
                assert next(coming) == "lost"
        raise error

    monkeypatch.setattr(accounts, "apply", losing)
    account_id = await world.post("my-org/my-app")
    made = [account async for account in world.accounts().all(world.namespace)]
    assert [(str(account.account_id), account.spec.github_repos) for account in made] == [
        (account_id, ["my-org/my-app"])
    ]
    shown = await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers)
    assert shown.status == 200
    assert next(coming, None) is None


async def test_an_account_of_somebody_else_is_not_taken_for_the_one_that_was_not_answered(world: World) -> None:
    kube = world.client.server.app[KUBE]  # type: ignore[attr-defined]
    asked: list[str] = []

    class Foreign:
        """Every name is taken."""

        async def apply(self, namespace: str, name: str, body: dict[str, Any]) -> AwsAccount:
            raise ApiException(status=409)

        async def find(self, namespace: str, name: str) -> AwsAccount:
            if not asked:
                foreign = {"metadata": {"name": name}, "spec": {"customerRef": {"name": "somebody"}}}
                await world.accounts().create(namespace, foreign)
            asked.append(name)
            return await world.accounts().get(namespace, name)

    with pytest.raises(Conflict):
        await ownership.create_once(replace(kube, accounts=Foreign()), OWNER, RepositoryFields(), {})
    assert len(set(asked)) == 1


async def test_the_api_owns_what_it_sent_and_no_default(world: World) -> None:
    raw = await world.raw(await world.post("my-org/my-app"))
    owned = owned_by(raw, "batteries-apiserver")
    assert owned["f:spec"].keys() == {"f:customerRef", "f:githubRepos"}
    assert len(raw["metadata"]["managedFields"]) == 1


async def test_an_own_account_can_be_changed_again_and_again_and_keeps_its_owner(world: World) -> None:
    account_id = await world.post("my-org/my-app")
    await world.activate(account_id)
    for repositories in (["my-org/a"], ["my-org/a", "my-org/b"], []):
        status, answer = await world.patch(account_id, *repositories)
        assert status == 200, answer
        assert answer == {
            "accountId": account_id,
            "awsAccountId": "123456789012",
            "githubRepos": repositories,
            "oidcRoleArn": "arn:aws:iam::1:role/r",
            "status": "active",
        } | ({"pinned": False} if repositories else {})
        raw = await world.raw(account_id)
        assert raw["spec"]["githubRepos"] == repositories
        assert raw["spec"]["customerRef"] == {"name": OWNER}
        assert raw["metadata"]["labels"] == {f"{GROUP}/customer": OWNER}
        assert owned_by(raw, "batteries-apiserver")["f:spec"].keys() == {"f:customerRef", "f:githubRepos"}


async def test_more_repositories_than_a_trust_policy_holds_are_refused_before_any_write(world: World) -> None:
    many = [f"my-org/repository-{number:02}" for number in range(40)]
    refused = await world.client.post("/v1/accounts", headers=world.headers, json={"githubRepos": many})
    assert (refused.status, (await refused.json())["code"]) == (400, "invalid_request")
    assert [account async for account in world.accounts().all(world.namespace)] == []
    account_id = await world.post(*many[:20])
    await world.activate(account_id)
    status, answer = await world.patch(account_id, *many)
    assert status == 400
    assert "for 40 repositories" in answer["error"]
    assert "List fewer repositories" in answer["error"]
    assert (await world.raw(account_id))["spec"]["githubRepos"] == many[:20]


async def test_a_change_to_what_is_so_already_writes_nothing_and_takes_no_part_in_owning_it(world: World) -> None:
    spec = {"customerRef": {"name": OWNER}, "githubRepos": ["my-org/from-git"]}
    account = await world.accounts("argocd-controller").apply(world.namespace, "team-c", {"spec": spec})
    await world.activate("team-c")
    await until(lambda: _listed(world, str(account.account_id)))
    before = (await world.raw("team-c"))["metadata"]
    status, _ = await world.patch(str(account.account_id), "my-org/from-git")
    assert status == 200
    assert (await world.raw("team-c"))["metadata"] == before


async def test_an_account_that_git_owns_answers_who_owns_it_and_stays_as_it_is(world: World) -> None:
    spec = {"customerRef": {"name": OWNER}, "githubRepos": ["my-org/from-git"]}
    account = await world.accounts("argocd-controller").apply(world.namespace, "team-a", {"spec": spec})
    await world.activate("team-a")
    await until(lambda: _listed(world, str(account.account_id)))
    status, answer = await world.patch(str(account.account_id), "my-org/other")
    assert status == 409
    assert answer["code"] == "owned_elsewhere"
    assert "argocd-controller" in answer["error"]
    assert (await world.raw("team-a"))["spec"]["githubRepos"] == ["my-org/from-git"]


ONE_OFF = {
    "edit": ("patch", "--field-manager=kubectl-edit"),
    "patch": ("patch",),
    "replace": ("replace",),
    "create": ("create",),
}
DECLARED = {
    "kubectl apply": ("apply",),
    "kubectl apply --server-side": ("apply", "--server-side"),
    "argocd, client-side": ("apply", "--field-manager=argocd-controller"),
}
FROM_KUBECTL = {"spec": {"githubRepos": ["my-org/from-kubectl"]}}


async def _written(cluster: Cluster, world: World, verb: str, *options: str) -> str:
    """The id of an account whose repositories kubectl wrote."""
    if verb in ("create", "apply"):
        spec = {"customerRef": {"name": OWNER}, **FROM_KUBECTL["spec"]}
        body = {"apiVersion": API_VERSION, "kind": "AwsAccount", "metadata": {"name": "team-k"}, "spec": spec}
        await asyncio.to_thread(
            cluster.run, verb, *options, f"--namespace={world.namespace}", "-f", "-", stdin=json.dumps(body)
        )
        account = await world.accounts().get(world.namespace, "team-k")
    else:
        account_id = await world.post("my-org/mine")
        if verb == "patch":
            patch = f"--patch={json.dumps(FROM_KUBECTL)}"
            where = f"--namespace={world.namespace}"
            await asyncio.to_thread(cluster.run, verb, *options, where, "awsaccount", account_id, "--type=merge", patch)
        else:
            raw = await world.raw(account_id)
            raw["metadata"].pop("managedFields", None)
            raw["spec"] |= FROM_KUBECTL["spec"]
            await asyncio.to_thread(cluster.run, verb, *options, "-f", "-", stdin=json.dumps(raw))
        account = await world.accounts().get(world.namespace, account_id)
    assert account.spec.github_repos == ["my-org/from-kubectl"]
    await world.activate(account.metadata.name)
    await until(lambda: _listed(world, str(account.account_id)))
    return str(account.account_id)


@pytest.mark.parametrize("how", ONE_OFF)
async def test_what_kubectl_wrote_once_the_api_takes_over(cluster: Cluster, world: World, how: str) -> None:
    account_id = await _written(cluster, world, *ONE_OFF[how])
    for wanted in ("my-org/over-http", "my-org/again"):
        status, answer = await world.patch(account_id, wanted)
        assert status == 200, answer
        [account] = [one async for one in world.accounts().all(world.namespace)]
        assert account.spec.github_repos == [wanted]


@pytest.mark.parametrize("how", DECLARED)
async def test_what_is_declared_stays_as_declared(cluster: Cluster, world: World, how: str) -> None:
    account_id = await _written(cluster, world, *DECLARED[how])
    status, answer = await world.patch(account_id, "my-org/over-http")
    assert (status, answer["code"]) == (409, "owned_elsewhere"), answer
    [account] = [one async for one in world.accounts().all(world.namespace)]
    assert account.spec.github_repos == ["my-org/from-kubectl"]


async def test_an_edit_of_what_kubectl_applied_elsewhere_is_taken_over(cluster: Cluster, world: World) -> None:
    """What was applied names no repositories, so nobody would write them again."""
    spec = {"customerRef": {"name": OWNER}}
    body = {"apiVersion": API_VERSION, "kind": "AwsAccount", "metadata": {"name": "team-l"}, "spec": spec}
    where = f"--namespace={world.namespace}"
    await asyncio.to_thread(cluster.run, "apply", where, "-f", "-", stdin=json.dumps(body))
    patch = f"--patch={json.dumps(FROM_KUBECTL)}"
    await asyncio.to_thread(cluster.run, "patch", where, "awsaccount", "team-l", "--type=merge", patch)
    account = await world.accounts().get(world.namespace, "team-l")
    await world.activate("team-l")
    await until(lambda: _listed(world, str(account.account_id)))
    status, answer = await world.patch(str(account.account_id), "my-org/over-http")
    assert status == 200, answer


@pytest.mark.parametrize(("annotations", "status"), [({"meta.helm.sh/release-name": "accounts"}, 409), ({}, 200)])
async def test_a_release_of_helm_3_declares_and_another_helm_does_not(
    world: World, annotations: dict[str, str], status: int
) -> None:
    body = {
        "metadata": {"name": "team-h", "annotations": annotations},
        "spec": {"customerRef": {"name": OWNER}, **FROM_KUBECTL["spec"]},
    }
    account = await world.accounts("helm").create(world.namespace, body)
    await world.activate("team-h")
    await until(lambda: _listed(world, str(account.account_id)))
    assert (await world.patch(str(account.account_id), "my-org/over-http"))[0] == status


async def test_where_git_leaves_the_list_open_the_api_may_fill_it_and_git_may_apply_again(world: World) -> None:
    git = world.accounts("argocd-controller")
    account = await git.apply(world.namespace, "team-b", {"spec": {"customerRef": {"name": OWNER}}})
    await world.activate("team-b")
    await until(lambda: _listed(world, str(account.account_id)))
    status, answer = await world.patch(str(account.account_id), "my-org/mine")
    assert status == 200, answer
    again = await git.apply(world.namespace, "team-b", {"spec": {"customerRef": {"name": OWNER}}})
    assert again.spec.github_repos == ["my-org/mine"]


async def _listed(world: World, account_id: str) -> bool:
    listed = await (await world.client.get("/v1/accounts", headers=world.headers)).json()
    return account_id in {account["accountId"] for account in listed["accounts"]}


async def test_git_may_take_an_account_of_the_api_over(world: World) -> None:
    account_id = await world.post("my-org/my-app")
    await world.activate(account_id)
    spec = {"customerRef": {"name": OWNER}, "githubRepos": ["my-org/my-app"], "deletionPolicy": "Close"}
    await world.accounts("argocd-controller").apply(world.namespace, account_id, {"spec": spec})
    status, answer = await world.patch(account_id, "my-org/other")
    assert (status, answer["code"]) == (409, "owned_elsewhere")


async def test_creation_under_a_name_that_is_taken_fails_and_changes_nothing(world: World) -> None:
    kube = world.client.server.app[KUBE]  # type: ignore[attr-defined]
    name = "22222222-2222-4222-8222-222222222222"
    results = await asyncio.gather(
        *(ownership.create(kube, name, OWNER, RepositoryFields(github_repos=[f"my-org/r{n}"]), {}) for n in range(20)),
        return_exceptions=True,
    )
    made = [result for result in results if isinstance(result, AwsAccount)]
    assert len(made) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not made[0])
    assert (await world.raw(name))["spec"]["githubRepos"] == made[0].spec.github_repos


async def test_a_change_does_not_make_a_deleted_account_anew(world: World) -> None:
    account_id = await world.post()
    kube = world.client.server.app[KUBE]  # type: ignore[attr-defined]
    account = await world.accounts().get(world.namespace, account_id)
    await world.accounts().delete(world.namespace, account_id)
    with pytest.raises(Conflict):
        await ownership.change(kube, account, OWNER, RepositoryFields(github_repos=["my-org/my-app"]))
    assert await world.accounts().find(world.namespace, account_id) is None


async def test_a_twin_in_another_namespace_hides_no_account_from_its_owner(
    cluster: Cluster, world: World, monkeypatch: Any
) -> None:
    account_id, elsewhere = await world.post("my-org/my-app"), cluster.namespace()
    twin = await world.accounts().apply(elsewhere, account_id, {"spec": {"email": "a@example.com"}})
    # As on a replica that has heard of the twin, and not yet of the account.
    cache = world.client.server.app[KUBE].caches.accounts  # type: ignore[attr-defined]
    monkeypatch.setattr(cache, "find", lambda index, value: [twin])
    response = await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers)
    assert response.status == 200
    assert (await response.json())["githubRepos"] == ["my-org/my-app"]


async def test_an_account_that_kubectl_made_for_a_customer_keeps_its_labels(world: World) -> None:
    spec, labels = {"customerRef": {"name": OWNER}, "githubRepos": []}, {"team": "a"}
    body = {"metadata": {"name": "by-hand", "labels": labels}, "spec": spec}
    made = await world.accounts().create(world.namespace, body)
    await world.activate("by-hand")
    await until(lambda: _is_shown(world, str(made.account_id)))
    assert (await world.patch(str(made.account_id), "my-org/my-app"))[0] == 200
    changed = await world.accounts().get(world.namespace, "by-hand")
    assert (changed.metadata.labels, changed.spec.github_repos) == (labels, ["my-org/my-app"])


async def _is_shown(world: World, account_id: str) -> bool:
    return (await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers)).status == 200


async def test_a_deleted_account_leaves_the_lists_of_every_replica(world: World) -> None:
    account_id = await world.post()
    await world.accounts().delete(world.namespace, account_id)

    async def gone() -> bool:
        answers = [
            await c.get(f"/v1/accounts/{account_id}", headers=world.headers) for c in (world.client, world.replica)
        ]
        return [answer.status for answer in answers] == [404, 404]

    await until(gone)


async def test_a_new_key_works_at_once_and_a_revoked_one_soon_does_not(world: World) -> None:
    key = mint()
    keys = Resources(world.api, ApiKey, "test")
    await keys.create(world.namespace, key_object("second", key))
    headers = {"Authorization": f"Bearer {key.raw}"}
    for client in (world.client, world.replica):
        assert (await client.get("/v1/accounts", headers=headers)).status == 200
    await keys.merge(world.namespace, "second", {"spec": {"revokedAt": "2026-11-24T08:00:00Z"}})

    async def refused() -> bool:
        return (await world.replica.get("/v1/accounts", headers=headers)).status == 401

    await until(refused)


async def test_the_last_use_of_a_key_is_written_once_for_many_requests(world: World) -> None:
    keys = Resources(world.api, ApiKey, "test")

    async def written() -> bool:
        return (await keys.get(world.namespace, "first")).status.last_used_at is not None

    await asyncio.gather(*(world.client.get("/v1/accounts", headers=world.headers) for _ in range(20)))
    await until(written)
    version = (await keys.get(world.namespace, "first")).metadata.resource_version
    for _ in range(5):
        await world.client.get("/v1/accounts", headers=world.headers)
        await asyncio.sleep(0.1)  # past the next batch: the test is that it writes nothing
    assert (await keys.get(world.namespace, "first")).metadata.resource_version == version


async def test_a_rule_that_only_kubernetes_knows_is_a_400_in_its_words(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("batteries_apiserver.accounts.bodies.NewAccount.__pydantic_validator__", _NoRules())
    response = await world.client.post(
        "/v1/accounts", headers=world.headers, data=orjson.dumps({"githubRepos": ["my-org/app", "my-org/App"]})
    )
    assert response.status == 400
    assert (await response.json())["error"].startswith("A repository is listed twice")


class _NoRules:
    """A validator that lets everything pass, as an older replica's would under newer rules."""

    def validate_python(self, value: dict[str, Any], **options: Any) -> Any:
        class Loose:
            github_repos = value["githubRepos"]
            expires_at = ttl = None
            model_fields_set = frozenset({"github_repos"})
            added = frozenset[str]()

        return Loose()


async def test_the_workflow_is_finished_once_there_is_a_role_and_a_repository(world: World) -> None:
    account_id = await world.post("my-org/my-app")
    path = f"/v1/accounts/{account_id}/workflow"

    async def asked(**headers: str) -> tuple[int, str, str]:
        response = await world.client.get(path, headers={**world.headers, **headers})
        return response.status, response.content_type, await response.text()

    status, _, text = await asked()
    assert (status, orjson.loads(text)["code"]) == (409, "no_deploy_role")
    await world.activate(account_id)
    await until(lambda: _has_workflow(asked))
    status, kind, text = await asked(Accept="*/*")
    assert (status, kind) == (200, "text/yaml")
    assert "role-to-assume: arn:aws:iam::1:role/r\n" in text
    assert "#   my-org/my-app\n" in text
    _, kind, body = await asked(Accept="application/json")
    assert kind == "application/json"
    assert orjson.loads(body) == {
        "path": ".github/workflows/deploy.yml",
        "content": text,
        "githubRepos": ["my-org/my-app"],
    }
    assert (await world.patch(account_id))[0] == 200
    status, _, text = await asked()
    assert (status, orjson.loads(text)["code"]) == (409, "no_repositories")
    await world.accounts().merge(world.namespace, account_id, {"spec": {"suspended": True}})
    await until(lambda: _is_refused_as(asked, "account_not_active"))
    others = await world.client.get(f"/v1/accounts/{OWNER}/workflow", headers=world.headers)
    assert (others.status, (await others.json())["code"]) == (404, "account_not_found")


async def _has_workflow(asked: Any) -> bool:
    return bool((await asked())[0] == 200)


async def _is_refused_as(asked: Any, code: str) -> bool:
    status, _, text = await asked()
    return status == 409 and orjson.loads(text)["code"] == code


# --- leaving


async def leave(world: World, what: str, account_id: str) -> tuple[int, dict[str, Any]]:
    method, more = {"close": ("DELETE", ""), "suspend": ("POST", "/suspend"), "resume": ("POST", "/resume")}[what]
    answer = await world.client.request(method, f"/v1/accounts/{account_id}{more}", headers=world.headers)
    return answer.status, await answer.json()


async def test_each_of_the_owners_wishes_has_its_own_manager_and_no_write_drops_another(world: World) -> None:
    account_id = await world.post("my-org/my-app")
    await world.activate(account_id)
    assert (await leave(world, "suspend", account_id))[0] == 202
    status, closing = await leave(world, "close", account_id)
    assert status == 202
    raw = await world.raw(account_id)
    assert raw["spec"]["suspendedByOwner"] is True
    assert raw["spec"]["closeAt"] == closing["closesAt"]
    assert owned_by(raw, "batteries-apiserver-closure") == {"f:spec": {"f:closeAt": {}}}
    assert owned_by(raw, "batteries-apiserver-owner") == {"f:spec": {"f:suspendedByOwner": {}}}
    replica = await world.replica.delete(f"/v1/accounts/{account_id}", headers=world.headers)
    assert (await replica.json())["closesAt"] == closing["closesAt"]
    status, body = await leave(world, "resume", account_id)
    assert (status, body["suspensionReasons"]) == (202, [])
    raw = await world.raw(account_id)
    assert raw["spec"].keys().isdisjoint({"closeAt", "suspendedByOwner"})
    assert (await world.patch(account_id, "my-org/other"))[0] == 200


async def test_deletes_at_the_same_moment_on_two_replicas_agree_on_one_date(world: World) -> None:
    account_id = await world.post()
    path, headers = f"/v1/accounts/{account_id}", world.headers
    answers = await asyncio.gather(*(one.delete(path, headers=headers) for one in [world.client, world.replica] * 4))
    assert {answer.status for answer in answers} == {202}
    said = {(await answer.json())["closesAt"] for answer in answers}
    assert said == {(await world.raw(account_id))["spec"]["closeAt"]}


async def test_what_a_person_set_once_with_kubectl_is_taken_back_over_http(world: World) -> None:
    account_id = await world.post()
    spec = {"closeAt": "2035-01-31T12:00:00Z", "suspendedByOwner": True}
    await world.accounts("kubectl-edit").merge(world.namespace, account_id, {"spec": spec})
    await until(lambda: _is(world, account_id, "suspended"))
    assert (await leave(world, "close", account_id))[1]["closesAt"] == spec["closeAt"]
    assert (await leave(world, "resume", account_id))[0] == 202
    assert (await world.raw(account_id))["spec"].keys().isdisjoint(spec)


async def _is(world: World, account_id: str, status: str) -> bool:
    answer = await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers)
    return bool((await answer.json())["status"] == status)


async def test_an_account_from_git_is_not_closed_over_http_but_may_be_suspended(world: World) -> None:
    name = "5b8a54a8-1111-4c11-8a11-0123456789ab"
    body: dict[str, Any] = {"metadata": {"name": name}, "spec": {"customerRef": {"name": OWNER}}}
    await world.accounts("argocd-controller").apply(world.namespace, name, body)
    status, said = await leave(world, "close", name)
    assert (status, said["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in said["error"]
    assert (await leave(world, "suspend", name))[0] == 202
    declared = {**body["spec"], "suspendedByOwner": True}
    await world.accounts("argocd-controller").apply(world.namespace, name, {**body, "spec": declared})
    status, said = await leave(world, "resume", name)
    assert (status, said["code"]) == (409, "owned_elsewhere")


MAIN = {"branches": ["main"], "tags": [], "environments": [], "pullRequests": False}
INFRA = {"repository": "my-org/infra", "deployFrom": {"environments": ["production"]}}


async def _change(world: World, account_id: str, **body: Any) -> tuple[int, dict[str, Any]]:
    response = await world.client.patch(f"/v1/accounts/{account_id}", headers=world.headers, json=body)
    return response.status, await response.json()


async def test_where_deployments_come_from_is_set_changed_and_taken_away(world: World) -> None:
    body = {"repositories": [{"repository": "my-org/web"}, INFRA], "deployFrom": {"branches": ["main"]}}
    response = await world.client.post("/v1/accounts", headers=world.headers, json=body)
    assert response.status == 202, await response.text()
    account_id = (await response.json())["accountId"]
    await world.activate(account_id)
    status, answer = await _change(world, account_id, readOnlyFrom={"pullRequests": True})
    assert (status, answer["deployFrom"], answer["githubRepos"]) == (200, MAIN, ["my-org/web", "my-org/infra"])
    assert answer["readOnlyFrom"]["pullRequests"] is True
    status, answer = await _change(world, account_id, deployFrom=None, githubRepos=["my-org/infra"])
    assert (status, answer["githubRepos"]) == (200, ["my-org/infra"]), answer
    assert "deployFrom" not in answer
    spec = (await world.raw(account_id))["spec"]
    assert spec.keys() == {"customerRef", "githubRepos", "repositories", "readOnlyFrom", "deletionPolicy"}
    assert spec["githubRepos"] == []
    assert [entry["repository"] for entry in spec["repositories"]] == ["my-org/infra"], "its own rule stays"
    status, answer = await _change(world, account_id, repositories=[{"repository": "my-org/infra"}], readOnlyFrom=None)
    assert (status, answer["githubRepos"]) == (200, ["my-org/infra"])
    assert (await world.raw(account_id))["spec"].keys() == {
        "customerRef",
        "githubRepos",
        "repositories",
        "deletionPolicy",
    }
    assert not (await world.raw(account_id))["spec"]["repositories"]


@pytest.mark.parametrize("field", ["deployFrom", "repositories"])
async def test_where_from_as_git_says_it_stays_so(world: World, field: str) -> None:
    says: dict[str, Any] = {"deployFrom": {"branches": ["main"]}, "repositories": [INFRA]}
    git = world.accounts("argocd-controller")
    body = {"spec": {"customerRef": {"name": OWNER}, field: says[field]}}
    account = await git.apply(world.namespace, "team-w", body)
    await world.activate("team-w")
    await until(lambda: _listed(world, str(account.account_id)))
    tried: list[dict[str, Any]] = [
        {"deployFrom": {"tags": ["v*"]}} if field == "deployFrom" else {"repositories": [{"repository": "my-org/x"}]},
        {"deployFrom": None} if field == "deployFrom" else {"githubRepos": []},
    ]
    for change in tried:
        status, answer = await _change(world, str(account.account_id), **change)
        assert (status, answer.get("code")) == (409, "owned_elsewhere"), answer
        assert "argocd-controller" in answer["error"]
    assert (await world.raw("team-w"))["spec"][field] == says[field]
    status, answer = await _change(world, str(account.account_id), readOnlyFrom={"pullRequests": True})
    assert status == 200, f"what git leaves open is the API's: {answer}"


async def test_what_kubectl_edit_narrowed_the_api_may_open_again(cluster: Cluster, world: World) -> None:
    account_id = await world.post("my-org/web")
    await world.activate(account_id)
    patch = f"--patch={json.dumps({'spec': {'deployFrom': {'branches': ['main']}}})}"
    where = f"--namespace={world.namespace}"
    await asyncio.to_thread(cluster.run, "patch", where, "awsaccount", account_id, "--type=merge", patch)
    status, answer = await _change(world, account_id, deployFrom=None)
    assert status == 200, answer
    assert "deployFrom" not in answer
    assert "deployFrom" not in (await world.raw(account_id))["spec"]
