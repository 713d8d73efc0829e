"""Members of a pool that are ready to be handed out."""

from typing import cast

from fakes.cluster import FakeResources
from fakes.factory import NAMESPACE, Factory

from batteries_crds.pooled_account import PooledAccount

POOL = {"poolRef": {"name": "pool"}}


def members(factory: Factory) -> FakeResources[PooledAccount]:
    return FakeResources(factory.cluster, PooledAccount)


async def pooled(factory: Factory, name: str = "m-1", namespace: str = NAMESPACE) -> PooledAccount:
    """A member that the operator has prepared, and its AWS account."""
    await members(factory).create(namespace, {"metadata": {"name": name}, "spec": POOL})
    process = await factory.start()
    member = await process.until(name, namespace=namespace, of=process.members)
    assert process.pool.is_ready(cast(PooledAccount, member)), member.status
    return cast(PooledAccount, member)
