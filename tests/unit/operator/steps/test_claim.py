"""An AwsAccount takes an account out of its namespace's pool, or AWS is asked: one owner, and one account."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, refusal, tally
from fakes.pool import members, pooled
from fakes.pool_owners import assert_one_each, holders

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find
from batteries_crds.names import ANNOTATION_RETRY
from batteries_operator.steps import claim as claims

REPOSITORIES = ["octo-org/web"]
WORKFLOW = "repo:octo-org/web:ref:refs/heads/main"


def reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


async def other_pool(factory: Factory) -> None:
    """A pool that has no member for anybody here."""
    await pooled(factory, "elsewhere", namespace="another")


async def test_a_ready_member_becomes_the_accounts(factory: Factory) -> None:
    member = await pooled(factory)
    await factory.add(githubRepos=REPOSITORIES)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id == member.status.aws_account_id
    await assert_exactly_right(factory, account, mails=0)
    assert await factory.admits(account, WORKFLOW)
    assert "organizations:CreateAccount" not in process.calls
    claim, taken = account.status.claim, (await members(factory).get(NAMESPACE, "m-1")).status.claimed_by
    assert claim is not None
    assert (claim.member, claim.member_uid) == ("m-1", member.metadata.uid)
    assert (claim.aws_account_id, claim.pooled_id) == (member.status.aws_account_id, str(member.account_id))
    assert taken is not None
    assert (taken.name, taken.uid, taken.account_id) == ("acme", account.metadata.uid, str(account.account_id))
    await assert_one_each(factory)


async def test_an_account_that_waits_for_aws_shows_that_it_is_being_made(factory: Factory) -> None:
    """A wish is no CreateAccount, but customers see the same."""
    await pooled(factory)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:TagResource", "ServiceException", http_status=500)
    account = await process.until("acme", lambda each: each.status.claim is not None)
    assert account.status.phase == "creating"
    process.before_call = lambda operation, number: None
    assert (await process.until("acme")).status.phase == "active"


async def test_an_empty_pool_makes_nobody_wait(factory: Factory) -> None:
    await other_pool(factory)
    process = await factory.active(githubRepos=REPOSITORIES)
    account = await factory.account()
    await assert_exactly_right(factory, account, mails=0)
    assert (account.status.claim, process.calls.count("organizations:CreateAccount")) == (None, 1)
    await assert_one_each(factory)


async def test_the_oldest_is_taken_first_and_each_once(factory: Factory) -> None:
    ids = {}
    for name in ("b", "a"):
        ids[name] = (await pooled(factory, name)).status.aws_account_id
        await asyncio.sleep(2)
    process = await factory.start()
    given = []
    for name in ("first", "second", "third"):
        await factory.add(name)
        given.append((await process.until(name)).status.aws_account_id)
    assert given[:2] == [ids["b"], ids["a"]]
    assert given[2] not in ids.values()
    await assert_one_each(factory)


async def test_another_namespaces_member_is_never_taken(factory: Factory) -> None:
    member = await pooled(factory, "m-1", namespace="another")
    await factory.active()
    assert [*await holders(factory)] == [member.holder, f"{NAMESPACE}/acme"]


@pytest.mark.parametrize("standin_settings", [{"role_seconds": 0}])  # nobody asks in vain for one
async def test_what_it_costs_in_calls(factory: Factory) -> None:
    """Against the same account without a pool, both by processes that know the organization."""
    process = await factory.start()
    for name in ("warm", "cold"):
        await factory.add(name, githubRepos=REPOSITORIES)
        before = len(process.calls)
        await process.until(name)
        cold = Counter(process.calls[before:])
    await pooled(factory, "m-1")
    await pooled(factory, "m-2")
    for name in ("learns", "claims"):
        await factory.add(name, githubRepos=REPOSITORIES)
        before = len(process.calls)
        await process.until(name)
        claimed = Counter(process.calls[before:])
    polls = Counter({name: cold[name] for name in cold if name.endswith("CreateAccountStatus")})
    assert polls.total() >= 1
    cold = cold - polls + Counter(["organizations:DescribeCreateAccountStatus"])  # at best
    assert claimed.total() - cold.total() <= 4, (claimed - cold, cold - claimed)
    once = ("organizations:ListTagsForResource", "organizations:TagResource", "sts:AssumeRole")
    assert (claimed[once[0]], claimed[once[1]], claimed[once[2]] - cold[once[2]]) == (1, 1, 0)


async def test_the_search_for_lost_accounts_is_made_once(factory: Factory) -> None:
    await pooled(factory, "m-1")
    await pooled(factory, "m-2")
    process = await factory.start()
    for name in ("first", "second", "third"):
        await factory.add(name)
        await process.until(name)
    assert tally(process.calls)["organizations:ListAccountsForParent"] == 1
    assert tally(process.calls)["organizations:ListAccounts"] == 1


async def test_without_pools_nothing_is_searched_for(factory: Factory) -> None:
    process = await factory.active()
    assert {"organizations:ListAccountsForParent", "organizations:ListAccounts"}.isdisjoint(process.calls)


# A member that can't be had.


async def marked_by(factory: Factory, name: str = "m-1") -> str | None:
    taken = (await members(factory).get(NAMESPACE, name)).status.claimed_by
    return taken.name if taken is not None else None


async def unfit(factory: Factory, why: str, *, told: str) -> AwsAccount:
    """The member says why, and is not taken; AWS is asked for another account."""
    await factory.add()
    process = await factory.start()
    account = await process.until("acme")
    await assert_exactly_right(factory, account, mails=0)
    assert (account.status.claim, process.calls.count("organizations:CreateAccount")) == (None, 1)
    member = await members(factory).get(NAMESPACE, "m-1")
    assert (member.status.claimed_by, reason(member, "Untouched"), reason(member, "Ready")) == (None, why, why)
    assert told in str(member.status.error)
    assert ("Warning", why) in process.events
    return account


async def test_one_that_aws_suspended_is_not_handed_out(factory: Factory) -> None:
    member = await pooled(factory)
    assert await factory.standin(f"accounts/{member.status.aws_account_id}", {"state": "SUSPENDED"})
    await unfit(factory, "SuspendedByAws", told="was suspended by AWS, so nobody gets it")
    assert await factory.standin(f"accounts/{member.status.aws_account_id}", {"state": "ACTIVE"})
    again = {"metadata": {"annotations": {ANNOTATION_RETRY: "1"}}}
    await members(factory).merge(NAMESPACE, "m-1", again)
    process = await factory.start()
    await process.until("m-1", of=process.members)
    await factory.add("next")
    assert (await process.until("next")).status.aws_account_id == member.status.aws_account_id, "it had nobody"


async def test_one_that_is_closed_is_not_handed_out(factory: Factory) -> None:
    member = await pooled(factory)
    (await factory.client("organizations")).close_account(AccountId=member.status.aws_account_id)
    await unfit(factory, "AccountGone", told="so nobody gets it")


async def test_one_that_somebody_touched_is_not_handed_out(factory: Factory) -> None:
    member = await pooled(factory)
    (await factory.client("iam", member.status.aws_account_id)).create_user(UserName="mallory")
    await unfit(factory, "Touched", told="Users: 1 instead of 0")


async def test_one_that_is_anothers_by_its_tag_is_not_handed_out(factory: Factory) -> None:
    member = await pooled(factory)
    values = {"resource": "customers/somebody", "owner": "email:somebody"}
    tags: Any = [{"Key": f"aibatteriesincluded.com/{key}", "Value": value} for key, value in values.items()]
    (await factory.client("organizations")).tag_resource(ResourceId=member.status.aws_account_id, Tags=tags)
    await unfit(factory, "NotOurAccount", told="is tagged aibatteriesincluded.com/resource=customers/somebody")


async def test_one_that_had_an_owner_is_not_handed_out_whatever_its_tags_say(factory: Factory) -> None:
    member = await pooled(factory)
    tags: Any = [{"Key": "aibatteriesincluded.com/owner", "Value": "email:somebody"}]
    (await factory.client("organizations")).tag_resource(ResourceId=member.status.aws_account_id, Tags=tags)
    await factory.add()
    account = await (await factory.start()).until("acme")
    assert account.status.aws_account_id != member.status.aws_account_id
    assert reason(await members(factory).get(NAMESPACE, "m-1"), "Ready") == "NotOurAccount"


@pytest.mark.parametrize("operation", ["sts:AssumeRole", "cloudtrail:DescribeTrails", "iam:ListRoles"])
async def test_one_into_which_nobody_can_look_is_not_handed_out(factory: Factory, operation: str) -> None:
    await pooled(factory)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(operation, "AccessDenied", times=1)
    account = await process.until("acme")
    assert (account.status.phase, account.status.claim) == ("active", None)
    member = await members(factory).get(NAMESPACE, "m-1")
    assert (member.status.claimed_by, reason(member, "Untouched")) == (None, "AccessDenied")
    assert "so nobody gets it" in str(member.status.error)
    await assert_one_each(factory)


async def test_the_next_one_is_tried(factory: Factory) -> None:
    first, second = await pooled(factory, "m-1"), await pooled(factory, "m-2")
    (await factory.client("iam", first.status.aws_account_id)).create_user(UserName="mallory")
    await factory.add()
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id == second.status.aws_account_id
    assert account.status.claim is not None
    assert account.status.claim.member == "m-2"
    assert (await marked_by(factory, "m-1"), await marked_by(factory, "m-2")) == (None, "acme")
    await assert_one_each(factory)


async def test_a_spoilt_pool_is_tried_a_few_times_only(factory: Factory) -> None:
    for number in range(claims.TRIES + 1):
        member = await pooled(factory, f"m-{number}")
        (await factory.client("iam", member.status.aws_account_id)).create_user(UserName="mallory")
    await factory.add()
    process = await factory.start()
    assert (await process.until("acme")).status.phase == "active"
    assert process.calls.count("iam:GetAccountSummary") == claims.TRIES
    assert process.calls.count("organizations:CreateAccount") == 1


async def lasted(factory: Factory) -> None:
    """The wish is older than anybody's patience."""
    long_ago = to_rfc3339(utc_now() - claims.PATIENCE * 2)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"claim": {"recordedAt": long_ago}}})


@pytest.mark.parametrize("operation", ["iam:GetAccountSummary", "organizations:DescribeAccount"])
async def test_a_member_of_which_aws_tells_nothing_makes_nobody_wait_for_long(factory: Factory, operation: str) -> None:
    await pooled(factory)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(operation, "ServiceException", http_status=500)
    account = await process.until("acme", lambda each: each.status.claim is not None)
    assert "organizations:CreateAccount" not in process.calls, "it may be over in a moment"
    await lasted(factory)
    await process.until("acme", lambda each: each.status.create_request is not None)
    process.before_call = lambda operation, number: None
    account = await process.until("acme")
    assert (account.status.phase, account.status.claim) == ("active", None)
    member = await members(factory).get(NAMESPACE, "m-1")
    assert (member.status.claimed_by, reason(member, "Untouched")) == (None, "AwsUnavailable")
    await assert_one_each(factory)


async def test_a_short_trouble_of_aws_is_waited_out(factory: Factory) -> None:
    member = await pooled(factory)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("iam:GetAccountSummary", "ServiceException", http_status=500, times=2)
    assert (await process.until("acme")).status.aws_account_id == member.status.aws_account_id


async def test_a_member_that_is_taken_is_waited_for_however_long_it_takes(factory: Factory) -> None:
    """Its tags may be the account's already: another account would be a second one."""
    member = await pooled(factory)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:TagResource", "ServiceException", http_status=500)
    await process.until("acme", lambda each: process.calls.count("organizations:TagResource") > 0)
    await lasted(factory)
    tries = process.calls.count("organizations:TagResource") + 3
    await process.until("acme", lambda each: process.calls.count("organizations:TagResource") > tries)
    assert "organizations:CreateAccount" not in process.calls
    process.before_call = lambda operation, number: None
    assert (await process.until("acme")).status.aws_account_id == member.status.aws_account_id
    await assert_one_each(factory)
