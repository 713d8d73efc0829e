"""Pools in a cluster in memory, an operator that fills them, and an AWS that makes their accounts or fails.

What the steps of a member do is played here, by what they write to its status: the pool sees nothing else of them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fakes.cluster import Cluster, FakeResources, Json

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import NOT_FOUND, tolerated
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.limits.slots import Slots
from batteries_operator.pool.claimed import ClaimedMembers
from batteries_operator.pool.index import PoolIndex, PoolKey
from batteries_operator.pool.pools import Pools
from batteries_operator.pool.room import Room

NAMESPACE = "n"
POOL = "default"
CREATION_SECONDS = 60.0


def condition(kind: str, status: str = "True", message: str = "") -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": "Done",
        "message": message,
        "lastTransitionTime": to_rfc3339(utc_now()),
        "observedGeneration": 1,
    }


@dataclass
class Operator:
    """One life of the operator, as far as pools go."""

    world: "World"
    is_deaf: bool = False
    """Whether its watch shows nothing."""

    def __post_init__(self) -> None:
        world = self.world
        self.woken: list[str] = []
        self.slots = Slots(5, self.woken.append)
        self.index = PoolIndex(lambda member: True, self.slots.first_in, self.woken.append)
        self.room = Room(world.allowed, world.there, lambda: self.slots.held + self.index.without_account())
        self.pools = Pools(world.pools, world.members, self.index, self.room, self.slots, world.post)
        self.claimed = ClaimedMembers(world.members, world.accounts)
        self.index.on_claimed = self.claimed.claimed
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        async for member in self.world.members.all(None, unreadable=lambda error: None):
            self.index.seen(member)
        async for pool in self.world.pools.all(None):
            self.pools.pool_seen(pool)
        self.run(self.pools.run())
        self.run(self.claimed.run())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def shown(self, kind: str, body: Json) -> None:
        if self.is_deaf:
            return
        if kind == "PooledAccount":
            self.index.seen(self.world.members.read(body))
        elif kind == "AccountPool":
            self.pools.pool_seen(self.world.pools.read(body))

    def gone(self, kind: str, body: Json) -> None:
        if self.is_deaf:
            return
        if kind == "PooledAccount":
            self.index.forget(body["metadata"]["uid"])
        else:
            self.pools.pool_gone(PoolKey(body["metadata"]["namespace"], body["metadata"]["name"]))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


@dataclass
class World:
    """A cluster, and AWS."""

    cluster: Cluster = field(default_factory=Cluster)
    operators: list[Operator] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    """The AWS accounts that were ever asked for, by their member's name."""
    is_role_refused: bool = False
    """Whether no account's role can be assumed, so that no member becomes ready."""
    quota: int = 1000
    accounts_beside: int = 0
    aws_calls: int = 0

    def __post_init__(self) -> None:
        self.pools: Any = FakeResources(self.cluster, AccountPool)
        self.members: Any = FakeResources(self.cluster, PooledAccount)
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.cluster.watches.append(self._shown)
        self._preparing: dict[str, asyncio.Task[None]] = {}

    # AWS and the members' steps

    async def allowed(self) -> int:
        self.aws_calls += 1
        return self.quota

    async def there(self) -> int:
        self.aws_calls += 1
        return 1 + self.accounts_beside + len(self.made)

    def _shown(self, kind: str, body: Json) -> None:
        if kind == "PooledAccount" and body["metadata"]["name"] not in self._preparing:
            name = body["metadata"]["name"]
            self._preparing[name] = asyncio.create_task(self._prepare(body["metadata"]["namespace"], name))
        for each in self.operators:
            each.shown(kind, body)

    async def _prepare(self, namespace: str, name: str) -> None:
        """As the member's pipeline does: AWS makes an account, whose role is tried until it answers."""
        self.made.append(name)
        await asyncio.sleep(CREATION_SECONDS)
        await self.status(name, namespace, awsAccountId=f"{len(self.made):012}")
        tries = 0
        while self.is_role_refused:
            tries += 1
            if tries == 30:
                stalled = condition("Stalled", message="The role does not answer.")
                await self.status(name, namespace, conditions=[stalled])
            await asyncio.sleep(60)
        await self.ready(name, namespace)

    # what people and programs do

    def post(self, pool: AccountPool, type_: str, reason: str, message: str) -> None:
        self.events.append((type_, str(reason), message))

    async def start(self, *, is_deaf: bool = False) -> Operator:
        made = Operator(self, is_deaf)
        self.operators.append(made)
        await made.start()
        return made

    def stop(self) -> None:
        while self.operators:
            self.operators.pop().stop()

    def close(self) -> None:
        self.stop()
        for task in self._preparing.values():
            task.cancel()

    async def add_pool(self, size: int, name: str = POOL, namespace: str = NAMESPACE, **spec: Any) -> None:
        await self.pools.create(namespace, {"metadata": {"name": name}, "spec": {"size": size, **spec}})

    async def pool(self, name: str = POOL, namespace: str = NAMESPACE) -> AccountPool:
        found: AccountPool = await self.pools.get(namespace, name)
        return found

    async def change(self, name: str = POOL, **spec: Any) -> None:
        await self.pools.merge(NAMESPACE, name, {"spec": spec})

    async def retry(self, value: str) -> None:
        annotations = {"aibatteriesincluded.com/retry": value}
        await self.pools.merge(NAMESPACE, POOL, {"metadata": {"annotations": annotations}})

    async def status(self, name: str, namespace: str = NAMESPACE, **status: Any) -> None:
        with tolerated(NOT_FOUND):  # it was deleted meanwhile
            await self.members.merge_status(namespace, name, {"status": status})

    async def ready(self, name: str, namespace: str = NAMESPACE) -> None:
        done = [condition("Ready"), condition("Provisioned")]
        await self.status(name, namespace, observedGeneration=1, conditions=done)

    async def break_(self, name: str, message: str = "Somebody was in it.") -> None:
        """One that was ready."""
        wrong = [condition("Ready", "False"), condition("Provisioned"), condition("Stalled", message=message)]
        await self.status(name, conditions=wrong)

    async def claim(self, name: str, by: str = "acme") -> None:
        claimed = {"name": by, "uid": f"uid-{by}", "accountId": "a", "at": to_rfc3339(utc_now())}
        await self.status(name, claimedBy=claimed)

    def kill(self, name: str, namespace: str = NAMESPACE) -> None:
        """`kubectl delete`; the operator's own handler lets it go at once."""
        self.cluster.mark_deleted("PooledAccount", namespace, name)
        self.let_go(name, namespace)

    def let_go(self, name: str, namespace: str = NAMESPACE) -> None:
        body = self.cluster.objects.pop(("PooledAccount", namespace, name))
        for each in self.operators:
            each.gone("PooledAccount", body)

    def names(self, keep: Callable[[Json], bool] = lambda _: True, namespace: str = NAMESPACE) -> list[str]:
        """The members that are there, the oldest first."""
        there = self.cluster.objects.items()
        return [key[2] for key, body in there if key[:2] == ("PooledAccount", namespace) and keep(body)]
