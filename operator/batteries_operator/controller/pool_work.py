"""The work on pools of one process: what fills them, ends them and clears up after claims, and what feeds all of it."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.slot_recovery import read_all
from batteries_operator.pool.claimed import ClaimedMembers
from batteries_operator.pool.ending import PoolEnding
from batteries_operator.pool.index import PoolIndex
from batteries_operator.pool.pools import Pools, PostEvent
from batteries_operator.pool.room import Room
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.steps.dependencies import Dependencies


def index_of(deps: Dependencies) -> PoolIndex:
    """The index behind the steps' view of it."""
    assert isinstance(deps.pool, PoolIndex)  # `wiring` has made it so
    return deps.pool


@dataclass(frozen=True, slots=True)
class PoolWork:
    """All of it."""

    index: PoolIndex
    pools: Pools
    ending: PoolEnding
    claimed: ClaimedMembers

    @classmethod
    def of(
        cls,
        controller: Controller,
        pools: Resources[AccountPool],
        members: Resources[PooledAccount],
        post_event: PostEvent,
    ) -> "PoolWork":
        """`post_event` is called from tasks that start with the operator."""
        deps, index = controller.deps, index_of(controller.deps)
        room = Room(
            deps.aws.limits.accounts_allowed,
            deps.aws.organizations.count,
            lambda: deps.creations.held + index.without_account(),
        )
        filling = Pools(pools, members, index, room, deps.creations, post_event)
        claimed = ClaimedMembers(members, controller.accounts)
        index.on_claimed = claimed.claimed
        deps.registries.while_it_exists(index)
        deps.registries.while_worked_on(index.reservations)
        return cls(index, filling, PoolEnding(pools, members, filling.filling, post_event), claimed)

    def member_seen(self, member: AwsAccount) -> None:
        """Takes in a member that an event shows."""
        assert isinstance(member, PooledAccount)
        self.index.seen(member)

    @property
    def runs(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What runs beside kopf."""
        return self.pools.run, self.claimed.run


async def prime(controller: Controller, namespaces: Sequence[str | None]) -> None:
    """Shows the index all pools and members, before the first account asks for one."""
    index = index_of(controller.deps)
    pools = Resources(controller.api, AccountPool, FIELD_MANAGER)
    members = Resources(controller.api, PooledAccount, FIELD_MANAGER)
    await read_all(pools, namespaces, index.pool_seen, AccountPool.definition.plural)
    await read_all(members, namespaces, index.seen, PooledAccount.definition.plural)
