"""What `doctor` says about the sizes of AccountPools."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources
from fakes.factory import settings
from kubernetes.aio.client import ApiException

from batteries_crds.account_pool import AccountPool
from batteries_crds.kube.client import NoClusterError
from batteries_operator.cli import pool_checks
from batteries_operator.cli.checks import Checks
from batteries_operator.cli.findings import Verdict
from batteries_operator.cli.pool_checks import compare, read_pools


def pool(size: int, members: int, reserve: int = 2) -> AccountPool:
    body: dict[str, Any] = {"spec": {"size": size, "quotaReserve": reserve}, "status": {"members": members}}
    return AccountPool.model_validate(body)


@pytest.mark.parametrize(("left", "verdict"), [(12, Verdict.OK), (11, Verdict.WARNING)])
def test_what_pools_lack_must_fit_into_the_quota_beside_what_they_leave_to_customers(
    left: int, verdict: Verdict
) -> None:
    found = compare([pool(10, 3), pool(5, 2, reserve=1), pool(1, 4)], left, 100)
    assert found.verdict is verdict
    assert found.text.startswith("AccountPools want 16 of 100 accounts and lack 10 of them")
    assert ("lower spec.size, or have" in found.text) is (verdict is Verdict.WARNING)


def test_why_they_could_not_be_read_is_said() -> None:
    found = compare("forbidden", 5, 10)
    assert (found.verdict, found.text) == (
        Verdict.WARNING,
        "AccountPools could not be read from Kubernetes: forbidden",
    )


async def test_the_accounts_are_counted_once() -> None:
    asked: list[str] = []

    async def allowed() -> int:
        asked.append("quota")
        return 30

    async def count() -> int:
        asked.append("members")
        return 11

    aws = SimpleNamespace(
        caller=None,
        identity_center=SimpleNamespace(admin=None),
        limits=SimpleNamespace(accounts_allowed=allowed),
        organizations=SimpleNamespace(count=count),
    )
    checks = Checks(cast(Any, aws), settings(), [pool(3, 0)])
    assert checks.pools in checks.all()
    texts = [(await checks.account_quota()).text, (await checks.pools()).text]
    assert texts == ["accounts left: 19 of 30", "AccountPools want 3 of 30 accounts and lack 3 of them; 19 are left"]
    assert asked == ["quota", "members"]
    assert checks.pools not in checks.preflight()


def test_without_pools_nothing_is_said() -> None:
    checks = Checks(cast(Any, SimpleNamespace(caller=None, identity_center=SimpleNamespace(admin=None))), settings())
    assert checks.pools not in checks.all()


class Api:
    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    there = Cluster()

    async def connect(_: str | None) -> Api:
        return Api()

    monkeypatch.setattr(pool_checks, "connect", connect)
    monkeypatch.setattr(pool_checks, "Resources", lambda api, model, manager: FakeResources(there, model))
    return there


async def test_the_pools_of_the_watched_namespaces_are_read(cluster: Cluster) -> None:
    for namespace in ("a", "b", "other"):
        cluster.put("AccountPool", namespace, {"metadata": {"name": "p"}, "spec": {"size": 1}})
    cluster.put("AccountPool", "a", {"metadata": {"name": "later"}, "spec": {"size": "many"}})
    found = await read_pools(settings(namespaces="a,b"))
    assert not isinstance(found, str)
    assert [each.key for each in found] == ["a/p", "b/p"]


FAULTS: dict[str, tuple[Exception, pool_checks.Pools]] = {
    "no Kubernetes": (NoClusterError("none"), []),
    "no such resource": (ApiException(status=404), []),
    "forbidden": (ApiException(status=403, reason="Forbidden"), "Forbidden"),
    "no answer": (TimeoutError(), "TimeoutError"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_they_can_not_be_read(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, expected = FAULTS[fault]

    async def connect(_: str | None) -> Api:
        raise error

    monkeypatch.setattr(pool_checks, "connect", connect)
    assert await read_pools(settings()) == expected
