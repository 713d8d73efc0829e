"""Kubernetes as it was yesterday, and statuses that somebody forged: the tag of the AWS account decides, always."""

import copy
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.claim_points import becomes_active, every_point
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, Process, acts
from fakes.members import add_member
from fakes.pool import members, pooled
from fakes.pool_owners import assert_one_each, holders

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find

PARTS = 4
REPOSITORIES = ["octo-org/web"]
WORKFLOW = "repo:octo-org/web:ref:refs/heads/main"


def restore(factory: Factory, objects: Any) -> None:
    """etcd as it was; what watches showed since then is not known to anybody any more."""
    factory.cluster.objects = copy.deepcopy(objects)
    factory.cluster.watches.clear()


@pytest.mark.parametrize("part", range(1, PARTS + 1))
async def test_etcd_of_any_point_of_a_claim_leads_to_the_account_that_it_had(factory: Factory, part: int) -> None:
    """The backup was made at that point, and restored when the account had long been active."""
    kept: dict[int, Any] = {}

    def backup(_: Process, __: str, number: int) -> None:
        kept[number] = copy.deepcopy(factory.cluster.objects)

    async def life(factory: Factory, process: Process, name: str) -> None:
        await becomes_active(factory, process, name)
        had = (await factory.account(name)).status.aws_account_id
        if (objects := kept.get(int(name[1:]))) is None:
            return
        restore(factory, objects)
        process = await factory.start()
        await becomes_active(factory, process, name)
        assert (await factory.account(name)).status.aws_account_id == had
        assert "organizations:CreateAccount" not in process.calls

    assert await every_point(factory, backup, life, part, PARTS)


async def claimed(factory: Factory) -> tuple[AwsAccount, Any]:
    """An active account that came from the pool, and etcd from before that: its member was ready, and it was new."""
    await pooled(factory)
    await pooled(factory, "m-2")
    await factory.add(githubRepos=REPOSITORIES)
    before = copy.deepcopy(factory.cluster.objects)
    account = await (await factory.start()).until("acme")
    assert account.status.claim is not None
    return account, before


async def test_a_member_of_yesterday_is_not_given_to_a_second_one(factory: Factory) -> None:
    account, before = await claimed(factory)
    restore(factory, before)
    process = await factory.start()
    await factory.add("another", githubRepos=REPOSITORIES)
    other = await process.until("another")
    await assert_exactly_right(factory, other, mails=0)
    assert other.status.aws_account_id != account.status.aws_account_id
    first = await members(factory).get(NAMESPACE, "m-1")
    ready = find(first.status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "NotOurAccount")
    assert ("Warning", "NotOurAccount") in process.events
    again = await process.until("acme")
    assert again.status.aws_account_id == account.status.aws_account_id
    taken = (await members(factory).get(NAMESPACE, "m-1")).status.claimed_by
    assert taken is not None
    assert taken.uid == account.metadata.uid, "it does not count as one of the pool any more"
    await assert_one_each(factory)


async def test_of_an_object_that_is_made_again_the_owners_tag_tells(factory: Factory) -> None:
    """GitOps applies it again, with another uid and without a status; of the member nothing is left."""
    account, _ = await claimed(factory)
    for kind, name in (("AwsAccount", "acme"), ("PooledAccount", "m-1")):
        factory.cluster.delete(kind, NAMESPACE, name)
    await factory.add(githubRepos=REPOSITORIES)
    process = await factory.start()
    again = await process.until("acme")
    assert again.status.aws_account_id == account.status.aws_account_id
    assert again.metadata.uid != account.metadata.uid
    await assert_one_each(factory)


async def test_an_object_of_that_name_with_another_owner_gets_one_of_its_own(factory: Factory) -> None:
    account, _ = await claimed(factory)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await factory.add(email="other@example.com")
    again = await (await factory.start()).until("acme")
    assert again.status.phase == "active"
    assert again.status.aws_account_id != account.status.aws_account_id


@pytest.mark.parametrize("spec", [{}, {"suspended": True}])
async def test_a_lost_status_costs_nothing_also_while_the_member_is_known(
    factory: Factory, spec: dict[str, Any]
) -> None:
    account, _ = await claimed(factory)
    factory.cluster.objects["AwsAccount", NAMESPACE, "acme"].pop("status")
    factory.cluster.touch("AwsAccount", NAMESPACE, "acme")
    await factory.change(**spec)
    process = await factory.start()
    again = await process.until("acme")
    assert again.status.aws_account_id == account.status.aws_account_id
    assert again.status.phase == ("suspended" if spec else "active")
    assert await factory.admits(account, WORKFLOW) == (not spec)
    await assert_one_each(factory)


@pytest.mark.parametrize("uid", [None, "another"])
async def test_a_deleted_object_without_a_status_closes_only_what_it_had_itself(
    factory: Factory, uid: str | None
) -> None:
    account, _ = await claimed(factory)
    if uid is not None:
        tags: Any = [{"Key": "aibatteriesincluded.com/uid", "Value": uid}]
        (await factory.client("organizations")).tag_resource(ResourceId=account.status.aws_account_id, Tags=tags)
    factory.cluster.objects["AwsAccount", NAMESPACE, "acme"].pop("status")
    await factory.change(deletionPolicy="Close")
    delete(factory)
    await released(await factory.start())
    assert (account.key in await holders(factory)) == (uid is not None)


# Who may write statuses can't take what is not theirs.


async def forged(factory: Factory, **claim: Any) -> None:
    wish = {"member": "m-1", "memberUid": "u", "pooledId": "p", "recordedAt": to_rfc3339(utc_now())} | claim
    status = {"claim": wish, "owner": "acme@example.com"}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": status})


async def test_a_wish_for_another_namespaces_member_leads_to_nothing(factory: Factory) -> None:
    theirs = await pooled(factory, "m-1", namespace="another")
    await factory.add()
    await forged(factory, memberUid=theirs.metadata.uid, awsAccountId=theirs.status.aws_account_id)
    account = await (await factory.start()).until("acme")
    assert account.status.aws_account_id != theirs.status.aws_account_id
    assert [each["id"] for each in (await holders(factory))[theirs.holder]] == [theirs.status.aws_account_id]
    assert (await members(factory).get("another", "m-1")).status.claimed_by is None
    await assert_one_each(factory)


async def test_a_wish_for_an_account_that_is_not_the_members_leads_to_nothing(factory: Factory) -> None:
    """Neither while the wish names it, nor if the member's status does too."""
    await factory.active("victim")
    victim = await factory.account("victim")
    member = await pooled(factory)
    await factory.add()
    await forged(factory, memberUid=member.metadata.uid, awsAccountId=victim.status.aws_account_id)
    await members(factory).merge_status(
        NAMESPACE, "m-1", {"status": {"awsAccountId": victim.status.aws_account_id, "claimedBy": None}}
    )
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.phase == "active"
    assert account.status.aws_account_id != victim.status.aws_account_id
    await assert_exactly_right(factory, victim, mails=0)
    await assert_one_each(factory)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_mark_on_a_strangers_account_leads_to_nothing(factory: Factory, wanted: bool) -> None:
    """A member that was never made, said to have that account and to be taken by this AwsAccount."""
    await factory.active("victim")
    victim = await factory.account("victim")
    member, account = await add_member(factory, "m-1"), await factory.add(suspended=not wanted)
    taken = {"name": "acme", "uid": account.metadata.uid, "accountId": "x", "at": to_rfc3339(utc_now())}
    stolen = {"awsAccountId": victim.status.aws_account_id, "claimedBy": taken}
    await members(factory).merge_status(NAMESPACE, "m-1", {"status": stolen})
    await forged(factory, memberUid=member.metadata.uid, awsAccountId=victim.status.aws_account_id)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id != victim.status.aws_account_id
    if not wanted:
        assert (account.status.claim, [each for each in process.calls if acts(each)]) == (None, [])
    await assert_exactly_right(factory, victim, mails=0)
    await assert_one_each(factory)


# No way leads back into a pool.


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_what_somebody_had_is_never_handed_out_again(factory: Factory, policy: str) -> None:
    """Released or closed and reopened; its member is there as yesterday, and the tags say again what they said then."""
    account, before = await claimed(factory)
    await factory.change(deletionPolicy=policy)
    delete(factory)
    await released(await factory.start())
    restore(factory, {key: body for key, body in before.items() if key[0] == "PooledAccount"})
    member = await members(factory).get(NAMESPACE, "m-1")
    found = account.status.aws_account_id
    assert await factory.standin(f"accounts/{found}", {"state": "ACTIVE"})
    values = {"resource": member.holder, "uid": member.metadata.uid, "account-id": str(member.account_id)}
    tags: Any = [{"Key": f"aibatteriesincluded.com/{key}", "Value": value} for key, value in values.items()]
    (await factory.client("organizations")).tag_resource(ResourceId=found, Tags=tags)
    process = await factory.start()
    for name in ("next", "after"):
        await factory.add(name)
        assert (await process.until(name)).status.aws_account_id != found
    member = await members(factory).get(NAMESPACE, "m-1")
    ready = find(member.status.conditions, "Ready")
    assert ready is not None
    assert (ready.reason, "has had an owner" in ready.message) == ("NotOurAccount", True)
