"""Members of pools that the operator itself prepares."""

from typing import Any, cast

from fakes.factory import NAMESPACE, Factory, Process
from fakes.pool import members

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.names import FINALIZER
from batteries_crds.pooled_account import PooledAccount

POOL = {"poolRef": {"name": "pool"}}


async def add_member(factory: Factory, name: str = "one", **spec: Any) -> PooledAccount:
    return await members(factory).create(NAMESPACE, {"metadata": {"name": name}, "spec": POOL | spec})


async def member(factory: Factory, name: str = "one") -> PooledAccount:
    return await members(factory).get(NAMESPACE, name)


async def walk(process: Process, name: str = "one", **how: Any) -> PooledAccount:
    """Reconciles the member until nothing is pending."""
    return cast(PooledAccount, await process.until(name, of=process.members, **how))


async def ready_member(factory: Factory, name: str = "one", **spec: Any) -> Process:
    """A member that is ready, and the process that prepared it."""
    await add_member(factory, name, **spec)
    process = await factory.start()
    made = await walk(process, name)
    assert is_ready(made), made.status
    return process


def is_ready(one: AwsAccount) -> bool:
    return any((each.type, each.status) == ("Ready", "True") for each in one.status.conditions)


def ready_reason(one: AwsAccount) -> str:
    (reason,) = [each.reason for each in one.status.conditions if each.type == "Ready"]
    return reason


def mark_deleted(factory: Factory, name: str = "one", kind: str = "PooledAccount") -> None:
    """As `kubectl delete` does; our finalizer keeps it."""
    raw = factory.cluster.objects[kind, NAMESPACE, name]
    raw["metadata"]["deletionTimestamp"] = to_rfc3339(utc_now())
    raw["metadata"]["generation"] += 1
    assert FINALIZER in raw["metadata"]["finalizers"]
    factory.cluster.touch(kind, NAMESPACE, name)


async def claim(factory: Factory, account: AwsAccount, name: str = "one") -> PooledAccount:
    """The member as taken, in Kubernetes, by that AwsAccount; its AWS account is still its own."""
    meta = account.metadata
    claimant = {"name": meta.name, "uid": meta.uid, "accountId": str(account.account_id), "at": to_rfc3339(utc_now())}
    return await members(factory).merge_status(NAMESPACE, name, {"status": {"claimedBy": claimant}})
