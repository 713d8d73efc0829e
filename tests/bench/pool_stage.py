"""The pool of the stage: filled for a measurement, and then left alone."""

from bench.stage import Stage, until

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import READY, is_true
from batteries_crds.kube.client import Resources
from batteries_crds.pooled_account import PooledAccount

_NAME = "bench"
_FAST = {"maxInProgress": 5, "maxCreationsPerDay": 500, "quotaReserve": 0}


class PoolStage:
    """One AccountPool and its members in the stage's namespace."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._pools = Resources(stage.lane.api, AccountPool, "harness")
        self._members = Resources(stage.lane.api, PooledAccount, "harness")

    async def fill(self, size: int) -> None:
        """Returns when so many are ready; the pool then makes no more, so that nothing else goes on."""
        await self._resize(size)
        await self.until_ready(size)
        await self._resize(0)

        async def is_seen() -> bool:
            pool = await self._pools.find(self.stage.lane.namespace, _NAME)
            return pool is not None and pool.status.observed_generation == pool.metadata.generation

        await until(is_seen, "the pool's size of 0 seen")

    async def until_ready(self, size: int) -> None:
        """Returns when so many are ready, and the pool says so.

        Raises:
            TimeoutError: with what it says instead.
        """
        seen: list[AccountPool] = []

        async def is_ready() -> bool:
            pool = await self._pools.find(self.stage.lane.namespace, _NAME)
            seen[:] = [pool] if pool is not None else []
            # What the pool says may be of yesterday, until an operator has looked.
            return pool is not None and pool.status.ready >= size and len(await self.ready()) >= size

        try:
            await until(is_ready, f"{size} members ready", every=0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {[pool.status.to_wire() for pool in seen]}") from None

    async def ready(self) -> list[PooledAccount]:
        """The members that can be handed out."""
        every = [member async for member in self._members.all(self.stage.lane.namespace)]
        return [member for member in every if member.is_wanted and is_true(member.status.conditions, READY)]

    async def versions(self) -> dict[str, int]:
        """When each object of the namespace was last written to, as etcd counts writes."""
        kinds = (AccountPool, PooledAccount, AwsAccount)
        found = [await self.stage.etcd.versions(kind.definition.plural, self.stage.lane.namespace) for kind in kinds]
        return {key: version for each in found for key, version in each.items()}

    async def forget(self) -> None:
        """Deletes the members' objects while no operator runs; what is in AWS stays there."""
        space = self.stage.lane.namespace
        for member in [member async for member in self._members.all(space)]:
            await self._members.merge(space, member.metadata.name, {"metadata": {"finalizers": None}})
            await self._members.delete(space, member.metadata.name)

    async def _resize(self, size: int) -> None:
        space, spec = self.stage.lane.namespace, {"spec": {"size": size, **_FAST}}
        if await self._pools.find(space, _NAME) is None:
            await self._pools.create(space, {"metadata": {"name": _NAME}, **spec})
        else:
            await self._pools.merge(space, _NAME, spec)
