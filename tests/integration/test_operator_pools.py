"""Pools against the real API server: its fence, its schema, its finalizers, and two operators."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient

from batteries_crds.account_pool import AccountPool, PoolReason
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import Resources, connect
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.limits.slots import Slots
from batteries_operator.pool import pools
from batteries_operator.pool.ending import PoolEnding
from batteries_operator.pool.index import PoolIndex
from batteries_operator.pool.pools import Pools
from batteries_operator.pool.room import Room

READY = ("Ready", "Provisioned")


class Operator:
    """One that hears nothing of a watch but what it is told."""

    def __init__(self, api: ApiClient) -> None:
        self.pools, self.members = Resources(api, AccountPool, "test"), Resources(api, PooledAccount, "test")
        self.index = PoolIndex(lambda member: True, _nobody, lambda uid: None)
        self.events: list[str] = []
        room = Room(_plenty, _none, lambda: 0)
        slots = Slots(5, lambda uid: None)
        self.filling = Pools(self.pools, self.members, self.index, room, slots, self._post)
        self.ending = PoolEnding(self.pools, self.members, self.filling.filling, self._post)

    def _post(self, pool: AccountPool, type_: str, reason: str, message: str) -> None:
        self.events.append(message)


def _nobody(namespace: str) -> Iterable[str]:
    return ()


async def _plenty() -> int:
    return 1000


async def _none() -> int:
    return 1


@pytest.fixture
async def api(cluster: Any) -> AsyncIterator[ApiClient]:
    client = await connect(str(cluster.kubeconfig))
    yield client
    await client.close()


async def _show(operators: list[Operator], namespace: str) -> AccountPool:
    """What a watch would show."""
    pool = await operators[0].pools.get(namespace, "default")
    members = [each async for each in operators[0].members.all(namespace)]
    for operator in operators:
        operator.filling.pool_seen(pool)
        for member in members:
            operator.index.seen(member)
    await asyncio.sleep(0.2)
    return pool


async def _ready(operator: Operator, member: PooledAccount, aws_account_id: str) -> None:
    said = {"status": "True", "reason": "Active", "message": "", "lastTransitionTime": to_rfc3339(utc_now())}
    status = {
        "observedGeneration": member.metadata.generation,
        "awsAccountId": aws_account_id,
        "conditions": [{"type": kind, **said} for kind in READY],
    }
    await operator.members.merge_status(member.metadata.namespace, member.metadata.name, {"status": status})


async def test_two_operators_fill_one_pool_as_one_would_and_its_end_deletes_its_members(
    cluster: Any, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SOON_SECONDS", 0.2)
    namespace, operators = cluster.namespace(), [Operator(api), Operator(api)]
    body = {"apiVersion": "aibatteriesincluded.com/v1", "kind": "AccountPool", "metadata": {"name": "default"}}
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=yaml.safe_dump(body | {"spec": {"size": 3}}))
    first = operators[0]
    tasks = [asyncio.create_task(each.filling.run()) for each in operators]
    try:
        async with asyncio.timeout(60):
            pool = await _show(operators, namespace)
            while [each.uid is not None for each in pool.status.underway] != [True, True]:
                pool = await _show(operators, namespace)
        assert (pool.status.members, pool.status.preparing, len(pool.status.creations)) == (2, 2, 2)
        made = 0
        async with asyncio.timeout(60):
            while pool.status.ready < 3:
                async for member in first.members.all(namespace):
                    if member.status.aws_account_id is None:
                        made += 1
                        await _ready(first, member, f"{made:012}")
                pool = await _show(operators, namespace)
        filled = find(pool.status.conditions, "Filled")
        assert filled is not None
        assert (filled.status, filled.reason, filled.observed_generation) == ("True", PoolReason.FILLED, 1)
        assert (len(pool.status.creations), pool.status.underway, pool.status.failures) == (3, [], 0)
        version = pool.metadata.resource_version
        for _ in range(5):
            pool = await _show(operators, namespace)
        assert pool.metadata.resource_version == version, "at rest nothing is written"
        shown = cluster.run("get", "apool", "default", f"--namespace={namespace}", "-o", "wide")
        assert shown.splitlines()[1].split()[:4] == ["default", "3", "3", "0"]
        for task in tasks:
            task.cancel()
        await asyncio.wait_for(first.ending.release(ObjectRef.of(pool)), 60)
        assert [each async for each in first.members.all(namespace)] == []
        assert "000000000001, 000000000002, 000000000003" in first.events[-1]
    finally:
        for task in tasks:
            task.cancel()
