"""Whose an account of a pool is: its PooledAccount's until it is handed over, and never again after that."""

import asyncio
from typing import Any

import pytest
from fakes.factory import NAMESPACE, Factory, Process
from fakes.pool import members, pooled

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_OWNER, TAG_POOLED, TAG_RESOURCE, TAG_UID
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.account_tags import owner_tag
from batteries_operator.aws.member_resources import is_ours, member_resource_tags
from batteries_operator.aws.ownership import NotOurAccountError, OwnedAccount

OWNER = "acme@example.com"


async def tags(factory: Factory, aws_account_id: str) -> dict[str, str]:
    everyone = (await factory.standin("accounts"))["accounts"]
    return next(dict(each["tags"]) for each in everyone if each["id"] == aws_account_id)


async def retag(factory: Factory, aws_account_id: str, **values: str) -> None:
    organizations = await factory.client("organizations")
    named: Any = [{"Key": f"aibatteriesincluded.com/{key}", "Value": value} for key, value in values.items()]
    await asyncio.to_thread(lambda: organizations.tag_resource(ResourceId=aws_account_id, Tags=named))


async def handed_over(process: Process, member: PooledAccount, account: AwsAccount) -> OwnedAccount:
    ownership = process.deps.aws.ownership
    prepared = await ownership.prove(member, str(member.status.aws_account_id))
    return await ownership.hand_over(prepared, account, OWNER)


async def test_what_nobody_has_is_its_members_and_names_no_owner(factory: Factory) -> None:
    member = await pooled(factory)
    found = str(member.status.aws_account_id)
    assert await tags(factory, found) == {
        TAG_ACCOUNT_ID: str(member.account_id),
        TAG_RESOURCE: f"pooledaccounts/{NAMESPACE}/m-1",
        TAG_UID: member.metadata.uid,
        TAG_POOLED: str(member.account_id),
    }
    process = await factory.start()
    owned = await process.deps.aws.ownership.prove(member, found)
    assert (owned.account_id, owned.pooled_id) == (str(member.account_id), str(member.account_id))
    assert member_resource_tags(owned) == [{"Key": TAG_ACCOUNT_ID, "Value": str(member.account_id)}]
    assert "organizations:TagResource" not in process.calls, "no owner is added"


async def test_it_changes_hands_in_one_call_and_for_good(factory: Factory) -> None:
    member, account, process = await pooled(factory), await factory.add(), await factory.start()
    found = str(member.status.aws_account_id)
    owned = await handed_over(process, member, account)
    assert process.calls.count("organizations:TagResource") == 1
    assert await tags(factory, found) == {
        TAG_ACCOUNT_ID: str(account.account_id),
        TAG_RESOURCE: account.key,
        TAG_UID: account.metadata.uid,
        TAG_OWNER: owner_tag(account, OWNER),
        TAG_POOLED: str(member.account_id),
    }
    again = await (await factory.start()).deps.aws.ownership.prove(account, found, OWNER)
    assert owned == again
    for asked in (process, await factory.start()):
        asked.deps.aws.ownership.forget(member.metadata.uid)
        with pytest.raises(NotOurAccountError, match=f"is tagged {TAG_RESOURCE}={account.key}"):
            await asked.deps.aws.ownership.prove(member, found)


async def test_an_account_with_an_owner_is_no_members_whatever_its_other_tags_say(factory: Factory) -> None:
    """There is no way back into a pool: not even by the tags of its past."""
    member, account, process = await pooled(factory), await factory.add(), await factory.start()
    found = str(member.status.aws_account_id)
    await handed_over(process, member, account)
    await retag(factory, found, resource=member.holder, uid=member.metadata.uid)
    with pytest.raises(NotOurAccountError, match="has had an owner"):
        await (await factory.start()).deps.aws.ownership.prove(member, found)


async def test_what_has_an_owner_is_never_handed_to_a_second_one(factory: Factory) -> None:
    member, process = await pooled(factory), await factory.start()
    first, second = await factory.add("first"), await factory.add("second")
    owned = await handed_over(process, member, first)
    before = await tags(factory, owned.id)
    with pytest.raises(TypeError, match="never handed to a second owner"):
        await process.deps.aws.ownership.hand_over(owned, second, OWNER)
    cold = await factory.active("cold")
    account = await factory.account("cold")
    made = await cold.deps.aws.ownership.prove(account, str(account.status.aws_account_id))
    with pytest.raises(TypeError, match="never handed to a second owner"):
        await cold.deps.aws.ownership.hand_over(made, second, OWNER)
    assert await tags(factory, owned.id) == before


async def test_nobody_adopts_what_is_a_members(factory: Factory) -> None:
    member = await pooled(factory)
    await factory.add(awsAccountId=member.status.aws_account_id)
    account = await (await factory.start()).until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("failed", None)
    assert f"is tagged {TAG_RESOURCE}={member.holder}" in str(account.status.error)


async def test_a_member_that_was_made_again_from_a_backup_has_its_account(factory: Factory) -> None:
    """It gets another uid."""
    member = await pooled(factory)
    found = str(member.status.aws_account_id)
    factory.cluster.delete("PooledAccount", NAMESPACE, "m-1")
    again = await members(factory).create(
        NAMESPACE, {"metadata": {"name": "m-1"}, "spec": {"poolRef": {"name": "pool"}}}
    )
    await (await factory.start()).deps.aws.ownership.prove(again, found)
    assert (await tags(factory, found))[TAG_UID] == again.metadata.uid
    assert TAG_OWNER not in await tags(factory, found)


async def test_what_was_prepared_in_it_is_the_first_owners(factory: Factory) -> None:
    member, account, process = await pooled(factory), await factory.add(), await factory.start()
    owned = await handed_over(process, member, account)
    prepared: Any = [{"Key": TAG_ACCOUNT_ID, "Value": str(member.account_id)}]
    other: Any = [{"Key": TAG_OWNER, "Value": "email:somebody"}]
    assert is_ours(owned, prepared)
    assert is_ours(owned, member_resource_tags(owned))
    assert not is_ours(owned, prepared + other)
    assert not is_ours(owned, [{"Key": TAG_ACCOUNT_ID, "Value": "another"}])
    assert not is_ours(owned, other)
