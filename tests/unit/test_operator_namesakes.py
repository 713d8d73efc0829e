"""An id has one AWS account: an AwsAccount with the id of another's is not given that one's AWS account."""

from typing import Any

import pytest
from fakes.factory import NAMESPACE, CrashError, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find

ELSEWHERE = "another-team"


async def copy(factory: Factory, account: AwsAccount, **spec: Any) -> AwsAccount:
    """Another team's, named by the id of `account`, which nobody keeps it from."""
    body = {"metadata": {"name": str(account.account_id)}, "spec": {"email": "mallory@example.com"} | spec}
    made = await factory.accounts.create(ELSEWHERE, body)
    assert made.account_id == account.account_id
    return made


async def visited(process: Process, account: AwsAccount) -> AwsAccount:
    """As visits leave it, which end in a refusal."""
    return await process.until(account.metadata.name, is_refused, namespace=account.metadata.namespace)


def is_refused(account: AwsAccount) -> bool:
    """Whether it says that its id is another's, in words that name that one."""
    said = [find(account.status.conditions, each) for each in ("AccountRequested", "AccountCreated")]
    return any(each and each.reason == "AccountIdTaken" and f"{NAMESPACE}/acme" in each.message for each in said)


async def test_whose_root_address_is_another_ones_by_its_id_is_refused(factory: Factory) -> None:
    process = await factory.active()
    thief = await visited(process, await copy(factory, await factory.account()))
    assert is_refused(thief)
    assert thief.status.aws_account_id is None
    assert process.tools.creations.held == 0, "its place is another's"


async def test_what_takes_over_an_aws_account_by_its_number_needs_an_id_of_its_own(factory: Factory) -> None:
    process = await factory.active()
    theirs = (await factory.account()).status.aws_account_id
    thief = await visited(process, await copy(factory, await factory.account(), awsAccountId=theirs))
    assert is_refused(thief)
    assert thief.status.aws_account_id is None


async def test_who_lost_the_answer_does_not_take_the_others_creation_for_its_own(factory: Factory) -> None:
    await factory.active()
    thief, process = await copy(factory, await factory.account()), await factory.start()

    def crash(operation: str, _: int) -> None:
        if operation == "organizations:CreateAccount":
            raise CrashError

    process.before_call = crash
    with pytest.raises(CrashError):
        await visited(process, thief)
    thief = await visited(await factory.start(), thief)
    assert is_refused(thief)
    assert thief.status.create_request is not None
    assert thief.status.create_request.request_id is None


async def test_it_goes_on_when_the_other_is_gone(factory: Factory) -> None:
    """As an AwsAccount is moved to another namespace: there and with Retain, deleted here."""
    process = await factory.active()
    theirs = (await factory.account()).status.aws_account_id
    moved = await visited(process, await copy(factory, await factory.account()))
    del factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]
    moved = await process.until(moved.metadata.name, namespace=ELSEWHERE)
    assert (moved.status.phase, moved.status.aws_account_id) == ("active", theirs)


async def test_who_is_refused_and_not_wanted_any_more_is_let_go(factory: Factory) -> None:
    process = await factory.active()
    thief = await visited(process, await copy(factory, await factory.account()))
    await factory.accounts.merge(ELSEWHERE, thief.metadata.name, {"spec": {"suspended": True}})
    thief = await process.until(thief.metadata.name, namespace=ELSEWHERE)
    assert thief.status.create_request is None
    assert (await process.until("acme")).status.phase == "active"
