"""A deletion that can't be done keeps its object, which is all that names the AWS account, until somebody acts."""

import asyncio
from collections.abc import Callable
from typing import Any

from fakes.deletion import delete
from fakes.factory import NAMESPACE, Factory, Process, acts

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_crds.names import ANNOTATION_RETRY

TAG: Any = "aibatteriesincluded.com/resource"
LOOKS_SECONDS = 30
"""Between two looks at an account that can't be released."""


async def stalled(factory: Factory, process: Process) -> tuple["asyncio.Task[None]", str]:
    """A deletion that has stalled since our tag is missing: its task, and the AWS account."""
    account = await factory.account()
    aws_account_id = str(account.status.aws_account_id)
    organizations = await factory.client("organizations")
    organizations.untag_resource(ResourceId=aws_account_id, TagKeys=[TAG])
    delete(factory)
    task = asyncio.create_task(process.release(await factory.account()))
    await seen(factory, lambda each: is_true(each.status.conditions, "Stalled"))
    return task, aws_account_id


async def seen(factory: Factory, holds: Callable[[AwsAccount], bool]) -> AwsAccount:
    async with asyncio.timeout(600):
        while not holds(account := await factory.account()):
            await asyncio.sleep(0.1)
    return account


async def test_a_stalled_deletion_waits_for_as_long_as_nobody_acts(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    task, _ = await stalled(factory, process)
    calls, writes = len(process.calls), len(factory.cluster.writes)
    await asyncio.sleep(20 * LOOKS_SECONDS)
    assert not task.done(), "its object would be gone, and the AWS account open"
    account = await factory.account()
    assert is_true(account.status.conditions, "Stalled")
    assert not any(acts(each) for each in process.calls[calls:])
    assert len(factory.cluster.writes) == writes, "waiting writes nothing"
    task.cancel()


async def test_a_stalled_deletion_sees_within_half_a_minute_that_the_account_is_to_be_kept(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    task, aws_account_id = await stalled(factory, process)
    await asyncio.sleep(5 * LOOKS_SECONDS)
    await factory.change(deletionPolicy="Retain")
    await asyncio.wait_for(task, LOOKS_SECONDS + 1)
    assert await state(factory, aws_account_id) == "ACTIVE"


async def test_a_stalled_deletion_is_tried_again_when_that_is_asked_for(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    task, aws_account_id = await stalled(factory, process)
    await asyncio.sleep(5 * LOOKS_SECONDS)
    calls = len(process.calls)
    organizations = await factory.client("organizations")
    organizations.tag_resource(ResourceId=aws_account_id, Tags=[{"Key": TAG, "Value": f"{NAMESPACE}/acme"}])
    retry = {"metadata": {"annotations": {ANNOTATION_RETRY: "now"}}}
    await factory.accounts.merge(NAMESPACE, "acme", retry)
    await asyncio.sleep(LOOKS_SECONDS + 1)
    assert len(process.calls) > calls
    await asyncio.wait_for(task, 600)
    assert await state(factory, aws_account_id) == "CLOSED"


async def state(factory: Factory, aws_account_id: str) -> str:
    organizations = await factory.client("organizations")
    return str(organizations.describe_account(AccountId=aws_account_id)["Account"]["State"])


async def test_the_reason_of_a_stall_is_told_with_what_to_do(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    task, _ = await stalled(factory, process)
    account = await factory.account()
    condition = find(account.status.conditions, "Stalled")
    assert condition is not None
    assert condition.reason == "NotOurAccount"
    assert "set spec.deletionPolicy to Retain" in str(account.status.error)
    task.cancel()
