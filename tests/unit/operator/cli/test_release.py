"""`batteries-operator release`: which accounts it lets go of, what it says of them, and when it refuses."""

from argparse import ArgumentParser, Namespace
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources, Json
from fakes.factory import settings
from kubernetes.aio.client import (
    ApiException,
    V1Lease,
    V1LeaseList,
    V1LeaseSpec,
    V1ManagedFieldsEntry,
    V1ObjectMeta,
)

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Page
from batteries_crds.names import FINALIZER
from batteries_operator.cli import release as command
from batteries_operator.cli.release import Held, OperatorAtWorkError, arguments, release
from batteries_operator.runtime.field_manager import FIELD_MANAGER


class InPages(FakeResources[AwsAccount]):
    """With pages of one object, and the JSON of each."""

    async def raw_page(
        self, namespace: str | None, *, token: str | None = None, field_selector: str | None = None
    ) -> Page[Json]:
        found = [
            self._cluster.get(*key)
            for key in self._cluster.objects
            if key[0] == self._kind
            and namespace in (None, key[1])
            and field_selector in (None, f"metadata.name={key[2]}")
        ]
        at = int(token or 0)
        return Page(found[at : at + 1], "1", str(at + 1) if at + 1 < len(found) else None)


class Leases:
    """The Leases of each namespace; those of `closed` can't be read."""

    def __init__(self) -> None:
        self.found: dict[str, list[V1Lease]] = {}
        self.status = 0

    async def list_namespaced_lease(self, namespace: str) -> V1LeaseList:
        if self.status:
            raise ApiException(status=self.status)
        return V1LeaseList(items=self.found.get(namespace, []))

    async def list_lease_for_all_namespaces(self) -> V1LeaseList:
        return V1LeaseList(items=[each for some in self.found.values() for each in some])


def a_lease(age: float = 0, *, manager: str = FIELD_MANAGER, holder: str | None = "operator-1") -> V1Lease:
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    spec = V1LeaseSpec(holder_identity=holder, renew_time=renewed, lease_duration_seconds=15)
    fields = [V1ManagedFieldsEntry(manager="kubectl"), V1ManagedFieldsEntry(manager=manager)]
    return V1Lease(metadata=V1ObjectMeta(namespace="one", name="the-lease", managed_fields=fields), spec=spec)


class World:
    """What the command works with."""

    def __init__(self) -> None:
        self.cluster, self.leases = Cluster(), Leases()

    def add(self, namespace: str, name: str, **spec: Any) -> Json:
        body = {"metadata": {"name": name, "finalizers": ["other", FINALIZER]}, "spec": {"email": "a@b.com", **spec}}
        return self.cluster.create("AwsAccount", namespace, body)

    def finalizers(self, namespace: str, name: str) -> list[str]:
        found: list[str] = self.cluster.get("AwsAccount", namespace, name)["metadata"]["finalizers"]
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @asynccontextmanager
    async def opened() -> Any:
        yield None

    async def connect(kubeconfig: str | None) -> Any:
        return opened()

    monkeypatch.setattr(command, "connect", connect)
    monkeypatch.setattr(command, "Resources", lambda api, model, manager: InPages(made.cluster, model))
    monkeypatch.setattr(command, "CoordinationV1Api", lambda api: made.leases)
    return made


def given(*words: str) -> Namespace:
    parser = ArgumentParser()
    arguments(parser)
    return parser.parse_args(words)


async def test_without_yes_it_only_says_what_it_would_do(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.add("one", "b")
    world.add("one", "a")
    world.add("two", "c")
    assert await release(settings(), given("-n", "one")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["would release one/a", "would release one/b"]
    assert lines[2:] == ["Nothing was done. 2 AwsAccounts would be released; to release them, add --yes."]
    assert world.finalizers("one", "a") == ["other", FINALIZER]
    assert not [verb for verb, *_ in world.cluster.writes if verb != "create"]


async def test_it_takes_our_finalizer_away_and_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for namespace, name in (("one", "a"), ("one", "b"), ("two", "c"), ("three", "d")):
        world.add(namespace, name)
    assert await release(settings(), given("-n", "one", "-n", "two", "--yes")) == 0
    for namespace, name in (("one", "a"), ("one", "b"), ("two", "c")):
        assert world.finalizers(namespace, name) == ["other"]
    assert world.finalizers("three", "d") == ["other", FINALIZER]
    out = capsys.readouterr().out
    assert "releasing one/a: no AWS account is known for it" in out
    assert out.endswith("Released 3 AwsAccounts; their AWS accounts stay as they are.\n")


async def test_pools_and_their_members_are_released_too(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Else a namespace with a pool in it would stay Terminating for ever."""
    world.add("one", "a")
    for kind, name in (("AccountPool", "pool"), ("PooledAccount", "m-1"), ("PooledAccount", "m-2")):
        body = {"metadata": {"name": name, "finalizers": [FINALIZER, "other"]}, "status": {}}
        world.cluster.put(kind, "one", body | {"status": {"awsAccountId": "123456789012"} if kind[0] == "P" else {}})
    assert await release(settings(), given("-n", "one", "--yes")) == 0
    for kind, name in (("AccountPool", "pool"), ("PooledAccount", "m-1"), ("PooledAccount", "m-2")):
        assert world.cluster.get(kind, "one", name)["metadata"]["finalizers"] == ["other"]
    out = capsys.readouterr().out
    assert "releasing PooledAccount one/m-1: AWS account 123456789012 stays open" in out
    assert "releasing AccountPool one/pool" in out
    released = "Released 1 AwsAccounts and 2 PooledAccounts and 1 AccountPools; their AWS accounts stay as they are.\n"
    assert out.endswith(released)


async def test_all_namespaces_are_all(world: World) -> None:
    world.add("one", "a")
    world.add("two", "b")
    assert await release(settings(), given("-A", "--yes")) == 0
    assert world.finalizers("one", "a") == world.finalizers("two", "b") == ["other"]


async def test_without_a_namespace_it_is_those_of_the_settings(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add("one", "a")
    assert await release(settings(), given("--yes")) == 2
    assert capsys.readouterr().err == "Say which accounts to release: --namespace NAME, or --all-namespaces.\n"
    assert await release(settings(namespaces="one"), given("--yes")) == 0
    assert world.finalizers("one", "a") == ["other"]


async def test_an_object_that_lost_our_finalizer_is_left_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add("one", "a")["metadata"]["finalizers"] = []
    world.cluster.objects["AwsAccount", "one", "a"]["metadata"]["finalizers"] = ["other"]
    assert await release(settings(), given("-n", "one", "--yes")) == 0
    assert "Released 0 AwsAccounts" in capsys.readouterr().out


@pytest.mark.parametrize("times", [1, 4])
async def test_who_writes_the_object_meanwhile_is_not_overwritten(world: World, times: int) -> None:
    world.add("one", "a")
    left = [times]

    def meanwhile(kind: str, body: Json) -> None:
        if left[0] > 0:
            left[0] -= 1
            world.cluster.objects["AwsAccount", "one", "a"]["metadata"]["finalizers"] = [f"new-{left[0]}", FINALIZER]
            world.cluster.touch("AwsAccount", "one", "a")

    world.cluster.before_write = meanwhile
    assert await release(settings(), given("-n", "one", "--yes")) == 0
    assert world.finalizers("one", "a") == ["new-0"]


async def test_an_object_that_is_gone_meanwhile_is_released(world: World) -> None:
    world.add("one", "a")
    world.cluster.before_write = lambda kind, body: world.cluster.objects.clear()
    assert await release(settings(), given("-n", "one", "--yes")) == 0


async def test_an_object_that_no_model_can_read_is_released_too(world: World) -> None:
    world.add("one", "a")
    world.cluster.objects["AwsAccount", "one", "a"]["spec"]["githubRepos"] = "of a later release"
    assert await release(settings(), given("-n", "one", "--yes")) == 0
    assert world.finalizers("one", "a") == ["other"]


async def test_another_refusal_is_told(world: World) -> None:
    world.add("one", "a")

    def refuse(kind: str, body: Json) -> None:
        raise ApiException(status=403)

    world.cluster.before_write = refuse
    with pytest.raises(ApiException):
        await release(settings(), given("-n", "one", "--yes"))


async def test_accounts_that_are_held_again_are_told_and_the_command_fails(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add("one", "a")
    world.add("one", "b")

    def again(number: int) -> None:
        world.cluster.objects["AwsAccount", "one", "a"]["metadata"]["finalizers"] = [FINALIZER]

    world.cluster.after_write = again
    assert await release(settings(), given("-n", "one", "--yes")) == 1
    told = capsys.readouterr()
    assert told.err.startswith("one/a is held again: an operator is running.")
    assert told.out.endswith("Released 1 AwsAccounts; their AWS accounts stay as they are.\n")


@pytest.mark.parametrize("places", [["-n", "one"], ["-A"], ["-n", "two"]])
async def test_a_running_operator_is_to_be_stopped_first(world: World, places: list[str]) -> None:
    """By its Lease in one of the namespaces, or in the one that the settings name."""
    world.add("two", "a")
    world.leases.found["one"] = [a_lease(60), a_lease()]
    with pytest.raises(OperatorAtWorkError) as refused:
        await release(settings(lease_namespace="one"), given(*places, "--yes"))
    assert str(refused.value).startswith("operator-1 is running, by the Lease one/the-lease and would hold")
    assert world.finalizers("two", "a") == ["other", FINALIZER]
    assert await release(settings(lease_namespace="one"), given(*places)) == 0, "to look is allowed"


@pytest.mark.parametrize(
    "lease",
    [a_lease(15), a_lease(manager="another"), a_lease(holder=None), a_lease(holder=""), V1Lease(), None],
)
async def test_a_lease_that_has_run_out_or_is_anothers_stops_nothing(world: World, lease: V1Lease | None) -> None:
    world.add("one", "a")
    world.leases.found["one"] = [lease] if lease is not None else []
    assert await release(settings(), given("-n", "one", "--yes")) == 0
    assert world.finalizers("one", "a") == ["other"]


@pytest.mark.parametrize("status", [403, 500])
async def test_leases_that_may_not_be_read_stop_nothing_and_other_errors_do(world: World, status: int) -> None:
    world.add("one", "a")
    world.leases.status = status
    if status == 403:
        assert await release(settings(), given("-n", "one", "--yes")) == 0
    else:
        with pytest.raises(ApiException):
            await release(settings(), given("-n", "one", "--yes"))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "no AWS account is known for it"),
        ({"status": {"awsAccountId": "1"}, "spec": {"awsAccountId": "2"}}, "AWS account 1 stays open"),
        ({"spec": {"awsAccountId": "2"}}, "AWS account 2 stays open"),
        (
            {"spec": {"deletionPolicy": "Close"}, "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "no AWS account is known for it; the object is being deleted and will be gone; deletionPolicy Close is not "
            "carried out",
        ),
        ({"spec": {"deletionPolicy": "Retain"}}, "no AWS account is known for it"),
        (
            {"status": {"claim": {"awsAccountId": "3"}}},
            "AWS account 3 stays open, and may be its own: `orphans` tells by the tags",
        ),
    ],
)
def test_what_becomes_of_an_account_is_said(raw: dict[str, Any], said: str) -> None:
    meta = {"namespace": "one", "name": "a", "deletionTimestamp": raw.pop("deletionTimestamp", None)}
    assert str(Held({"metadata": meta, **raw})) == f"one/a: {said}"


def test_contradictory_arguments_are_refused() -> None:
    for words in (["-A", "-n", "one"], ["--yes", "--dry-run"]):
        with pytest.raises(SystemExit):
            given(*words)
