"""Whose fields an apply takes over: those of one-off updates, and never those of a declarative owner."""

from typing import Any

import orjson
import pytest
from fakes.api_world import MINE, World
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.kube.server_side_apply import HELM_RELEASE, LAST_APPLIED, apply, causes
from batteries_crds.aws_account import AwsAccount

FIELDS: dict[str, Any] = {"f:spec": {"f:githubRepos": {}}}


def entry(manager: str, operation: str = "Update", **changes: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": FIELDS, **changes}


def applied(**spec: Any) -> dict[str, str]:
    return {LAST_APPLIED: orjson.dumps({"spec": spec}).decode()}


def add(world: World, *owners: dict[str, Any], annotations: dict[str, str] | None = None) -> AwsAccount:
    spec = {"customerRef": {"name": "c"}, "githubRepos": ["git/owns"]}
    meta: dict[str, Any] = {"managedFields": list(owners), "annotations": annotations or {}}
    found: AwsAccount = world.add("accounts", MINE, spec, {}, **meta)
    return found


async def change(world: World, account: AwsAccount, **more: Any) -> AwsAccount:
    spec = {"customerRef": {"name": "c"}, "githubRepos": ["o/r"]}
    body = {"metadata": {"uid": account.metadata.uid}, "spec": spec}
    return await apply(world.kube.accounts, "n", MINE, body, **more)


async def test_a_field_that_nobody_owns_is_applied_at_once(world: World) -> None:
    changed = await change(world, add(world))
    assert changed.spec.github_repos == ["o/r"]
    assert [each.method for each in world.requests("accounts")] == ["PATCH"]


TAKEN_OVER = {
    "kubectl edit": (entry("kubectl-edit"), {}),
    "last applied without the field": (entry("kubectl-client-side-apply"), applied(suspended=True)),
    "last applied, not JSON": (entry("kubectl-edit"), {LAST_APPLIED: "nonsense"}),
    "last applied, a list": (entry("kubectl-edit"), {LAST_APPLIED: "[]"}),
    "last applied, no spec": (entry("kubectl-edit"), {LAST_APPLIED: '{"spec": null}'}),
    "last applied, no object": (entry("kubectl-edit"), {LAST_APPLIED: '{"spec": "githubRepos"}'}),
    "helm without a release": (entry("helm"), {}),
    "a release, and not helm": (entry("kubectl-edit"), {HELM_RELEASE: "r"}),
}


@pytest.mark.parametrize(("owner", "annotations"), TAKEN_OVER.values(), ids=TAKEN_OVER)
async def test_what_was_set_once_is_taken_over(
    world: World, owner: dict[str, Any], annotations: dict[str, str]
) -> None:
    changed = await change(world, add(world, owner, annotations=annotations))
    assert changed.spec.github_repos == ["o/r"]
    first, _, forced = world.requests("accounts")
    assert [each.query.get("force") == "true" for each in (first, forced)] == [False, True]
    assert "resourceVersion" not in first.body["metadata"]
    assert forced.body["metadata"]["resourceVersion"], "who becomes its owner meanwhile keeps it"


LEFT = {
    "server-side apply": (entry("argocd-controller", "Apply"), {}, "argocd-controller"),
    "kubectl apply": (entry("kubectl-client-side-apply"), applied(githubRepos=[]), "kubectl-client-side-apply"),
    "helm": (entry("helm"), {HELM_RELEASE: "r"}, "helm"),
}


@pytest.mark.parametrize(("owner", "annotations", "named"), LEFT.values(), ids=LEFT)
async def test_what_a_declarative_owner_keeps_is_left_to_it_and_it_is_named(
    world: World, owner: dict[str, Any], annotations: dict[str, str], named: str
) -> None:
    account = add(world, owner, annotations=annotations)
    with pytest.raises(Conflict) as refused:
        await change(world, account, what="thing")
    assert refused.value.code == "owned_elsewhere"
    assert f"This part of the thing is managed by {named}, not by this API." in str(refused.value)
    assert world.items("accounts")[MINE].spec.github_repos == ["git/owns"]


async def test_all_owners_are_named_in_their_order(world: World) -> None:
    account = add(world, entry("flux", "Apply"), entry("argocd", "Apply"), entry("kubectl-edit"))
    with pytest.raises(Conflict, match="argocd and flux,"):
        await change(world, account)


async def test_an_owner_of_another_field_or_of_the_status_keeps_nothing_of_ours(world: World) -> None:
    other = entry("argocd", "Apply", fieldsV1={"f:spec": {"f:suspended": {}}})
    status = entry("flux", "Apply", subresource="status")
    changed = await change(world, add(world, other, status, entry("kubectl-edit")))
    assert changed.spec.github_repos == ["o/r"]


def details(*causes: dict[str, str]) -> str:
    return orjson.dumps({"details": {"causes": list(causes)}}).decode()


@pytest.mark.parametrize(
    "error",
    [
        ApiException(status=409, reason="Conflict"),
        ApiException(status=403),
        ApiException(status=404),
    ],
    ids=["another conflict", "forbidden", "gone"],
)
async def test_any_other_refusal_is_kubernetes_own(world: World, error: ApiException) -> None:
    account = add(world)
    world.fail("accounts", error, "PATCH")
    with pytest.raises(ApiException) as refused:
        await change(world, account)
    assert refused.value.status == error.status
    assert [each.method for each in world.requests("accounts")] == ["PATCH"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (details({"field": ".spec.x"}), [{"field": ".spec.x"}]),
        ("nonsense", []),
        ("", []),
        (None, []),
        ("{}", []),
        ('{"details": null}', []),
        ('{"details": {"causes": null}}', []),
        ("[]", []),
    ],
)
def test_the_causes_of_a_refusal_are_read_where_there_are_any(body: str | None, found: list[dict[str, str]]) -> None:
    error = ApiException(status=409)
    error.body = body
    assert causes(error) == found
