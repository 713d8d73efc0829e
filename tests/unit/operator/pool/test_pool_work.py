"""Pools with everything real but kopf and Kubernetes: the members' own steps, against the AWS stand-in."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from fakes.cluster import FakeResources, Json
from fakes.factory import NAMESPACE, Factory, Process, refusal, settings

from batteries_crds.account_pool import AccountPool
from batteries_crds.conditions import find, is_true
from batteries_crds.identity import ObjectRef
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller.pool_work import PoolWork

MINUTE, HOUR = 60.0, 3600.0

REAL_PAUSES = pytest.mark.parametrize("operator_settings", [settings(poll_seconds=5, backoff_max_seconds=60)])
REAL_TIMES = pytest.mark.parametrize("standin_settings", [{"creation_seconds": 60, "role_seconds": 20}])


class Operator:
    """One life of the operator, without kopf: each member has a task while it exists, as it has a daemon there."""

    def __init__(self, factory: Factory, process: Process) -> None:
        self.factory, self.process = factory, process
        self.pools: FakeResources[AccountPool] = FakeResources(factory.cluster, AccountPool)
        self.members: FakeResources[PooledAccount] = FakeResources(factory.cluster, PooledAccount)
        self.events: list[tuple[str, str]] = []
        self.work = PoolWork.of(process.controller, cast(Any, self.pools), cast(Any, self.members), self._post)
        self._driven: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        factory.cluster.watches.append(self._shown)
        self._running = [asyncio.create_task(run()) for run in self.work.runs]
        process._follow()

    def _post(self, pool: AccountPool, type_: str, reason: str, message: str) -> None:
        self.events.append((type_, str(reason)))

    def _shown(self, kind: str, body: Json) -> None:
        if self._stop.is_set():
            return
        if kind == "AccountPool":
            self.work.pools.pool_seen(self.pools.read(body))
        elif kind == "PooledAccount":
            member = self.members.read(body)
            self.work.member_seen(member)
            if member.metadata.uid not in self._driven:
                drive = self.process.members.drive(ObjectRef.of(member), self._stop)
                self._driven[member.metadata.uid] = asyncio.create_task(drive)

    def delete(self, member: PooledAccount) -> None:
        """`kubectl delete`, with the policy that retains: the object goes, the AWS account stays."""
        uid = member.metadata.uid
        self.factory.cluster.mark_deleted("PooledAccount", NAMESPACE, member.metadata.name)
        self._driven[uid].cancel()
        del self.factory.cluster.objects["PooledAccount", NAMESPACE, member.metadata.name]
        self.process.deps.registries.forget(uid)

    async def pool(self) -> AccountPool:
        return await self.pools.get(NAMESPACE, "default")

    async def stop(self) -> None:
        self._stop.set()
        tasks = [*self._running, *self._driven.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def operator(factory: Factory) -> Any:
    made = Operator(factory, await factory.start())
    yield made
    await made.stop()


async def accounts(operator: Operator) -> int:
    """How many AWS has, or is making."""
    return operator.process.calls.count("organizations:CreateAccount")


async def add_pool(operator: Operator, size: int, **spec: Any) -> None:
    await operator.pools.create(NAMESPACE, {"metadata": {"name": "default"}, "spec": {"size": size, **spec}})


async def until_ready(operator: Operator, size: int) -> None:
    async with asyncio.timeout(2 * HOUR):
        while (await operator.pool()).status.ready != size:
            await asyncio.sleep(10)


@REAL_PAUSES
@REAL_TIMES
async def test_a_pool_is_filled_and_at_rest_asks_aws_nothing(operator: Operator) -> None:
    await add_pool(operator, 3)
    await until_ready(operator, 3)
    organizations = await operator.factory.client("organizations")
    assert len(organizations.list_accounts()["Accounts"]) == 4
    await asyncio.sleep(5 * MINUTE)
    calls, writes = len(operator.process.calls), len(operator.factory.cluster.writes)
    await asyncio.sleep(10 * HOUR)
    assert (len(operator.process.calls), len(operator.factory.cluster.writes)) == (calls, writes)


@REAL_PAUSES
@REAL_TIMES
async def test_an_hour_in_which_no_role_can_be_assumed_makes_no_account_more_and_heals(operator: Operator) -> None:
    await add_pool(operator, 5)
    await until_ready(operator, 2)
    while await accounts(operator) < 4:
        await asyncio.sleep(1)
    storm = refusal("sts:AssumeRole", "AccessDenied", http_status=403)
    operator.process.before_call = storm
    script = asyncio.create_task(_delete_what_is_not_ready(operator))
    await asyncio.sleep(HOUR)
    assert await accounts(operator) == 4
    script.cancel()
    operator.process.before_call = _nothing
    await until_ready(operator, 5)
    pool = await operator.pool()
    assert (pool.status.failures, find(pool.status.conditions, "Stalled")) == (0, None)
    assert await accounts(operator) == 7, "two were deleted, and their AWS accounts stay"


@REAL_PAUSES
@REAL_TIMES
async def test_members_that_are_left_alone_in_that_hour_become_ready_by_themselves(operator: Operator) -> None:
    operator.process.before_call = refusal("sts:AssumeRole", "AccessDenied", http_status=403)
    await add_pool(operator, 5)
    await asyncio.sleep(50 * MINUTE)
    pool = await operator.pool()
    assert (await accounts(operator), pool.status.broken, pool.status.failures) == (2, 2, 2)
    operator.process.before_call = _nothing
    await until_ready(operator, 5)
    pool = await operator.pool()
    assert (await accounts(operator), pool.status.failures) == (5, 0)


_nothing: Callable[[str, int], None] = lambda operation, number: None  # noqa: E731  # what a process has by default


async def _delete_what_is_not_ready(operator: Operator) -> None:
    """Somebody's script."""
    while True:
        await asyncio.sleep(5 * MINUTE)
        async for member in operator.members.all(NAMESPACE):
            if not is_true(member.status.conditions, "Ready"):
                operator.delete(member)


async def test_who_waits_for_aws_is_woken_when_a_member_is_ready(operator: Operator) -> None:
    slots, wakeups = operator.process.deps.creations, operator.process.wakeups
    await add_pool(operator, 1)
    async with asyncio.timeout(HOUR):
        while await accounts(operator) == 0:
            await asyncio.sleep(0.005)
    for number in range(5):  # so that no slot becomes free
        slots.restore(f"under way {number}")
    account, other = await operator.factory.add("here"), await operator.factory.add("there")
    assert not slots.acquire(account.metadata.uid, account.line, account.since)
    assert not slots.acquire(other.metadata.uid, "elsewhere/customer/c", other.since)
    woken, not_woken = wakeups.of(account.metadata.uid), wakeups.of(other.metadata.uid)
    assert not woken.is_set()
    async with asyncio.timeout(HOUR):
        await woken.wait()
    assert not not_woken.is_set()
    assert operator.work.index.reserve(NAMESPACE, account.metadata.uid) is not None
