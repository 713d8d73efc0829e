"""The next AwsAccount of a name gets its AWS account only for the same owner; old accounts get the tags that say so."""

import asyncio
import re
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, Process, acts, refusal

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_OWNER, TAG_RESOURCE, TAG_UID
from batteries_operator.aws.account_tags import AccountTags, customer_mark, email_mark, tags_for
from batteries_operator.cli.orphans import find as find_orphans

FIRST, SECOND = "first@example.com", "second@example.com"
RETRY = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}


async def gone(factory: Factory, process: Process) -> AwsAccount:
    """Deleted with Retain: the AWS account and its access stay."""
    account = await factory.account()
    delete(factory)
    await released(process)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    process.deps.registries.forget(account.metadata.uid)
    return account


async def tags(factory: Factory, account: AwsAccount) -> dict[str, str]:
    organizations = await factory.client("organizations")
    listed = await asyncio.to_thread(organizations.list_tags_for_resource, ResourceId=account.status.aws_account_id)
    return {each["Key"]: each["Value"] for each in listed["Tags"]}


async def as_made_by_an_earlier_release(factory: Factory) -> AwsAccount:
    account = await factory.account()
    await untag(factory, account, TAG_UID, TAG_OWNER)
    return account


async def untag(factory: Factory, account: AwsAccount, *keys: str) -> None:
    organizations = await factory.client("organizations")
    organizations.untag_resource(ResourceId=account.status.aws_account_id, TagKeys=list(keys))


async def hand_over(factory: Factory, process: Process, before: AwsAccount) -> None:
    """As the platform team does: the first owner's single sign-on ends, and the tags no longer name anybody."""
    center = process.deps.aws.identity_center
    owned = await process.deps.aws.ownership.prove(before, str(before.status.aws_account_id))
    permission_set = await center.permission_set(factory.settings.permission_set_name)
    await center.unassign(owned, permission_set, str(before.status.sso_user_id))
    async with asyncio.timeout(5):
        while await center.is_assigned(owned.id, permission_set, str(before.status.sso_user_id)):
            await asyncio.sleep(0.01)
    await untag(factory, before, TAG_UID, TAG_OWNER)


def refused(account: AwsAccount, process: Process, calls: int) -> str:
    """It is, and nothing was done but asking for an account of its own."""
    stalled = find(account.status.conditions, "Stalled")
    assert stalled is not None
    assert (stalled.reason, account.status.phase, account.status.aws_account_id) == ("NotOurAccount", "failed", None)
    made = [each for each in process.calls[calls:] if acts(each) or each.startswith(("iam:", "sts:"))]
    assert set(made) <= {"organizations:CreateAccount"}, made
    return account.status.error or ""


async def test_a_new_account_names_its_owner_and_its_object(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    account = await factory.account()
    assert await tags(factory, account) == {
        TAG_ACCOUNT_ID: str(account.account_id),
        TAG_RESOURCE: account.key,
        TAG_UID: account.metadata.uid,
        TAG_OWNER: email_mark(FIRST),
    }
    assert "organizations:TagResource" not in process.calls


@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize("status_too", [False, True])
async def test_another_owner_does_not_get_the_account_of_the_same_name(
    factory: Factory, by_number: bool, status_too: bool
) -> None:
    process = await factory.active(email=FIRST)
    before = await gone(factory, process)
    before_tags, calls = await tags(factory, before), len(process.calls)
    number: dict[str, Any] = {"awsAccountId": before.status.aws_account_id} if by_number else {}
    await factory.add(email=SECOND, **number)
    if status_too:  # of the first, forged or from a backup
        await factory.accounts.merge_status(NAMESPACE, "acme", {"status": before.status.to_wire()})
        await factory.change(githubRepos=["o/r"], suspended=False)
        account = await process.until("acme")
        assert find(account.status.conditions, "Stalled").reason == "NotOurAccount"  # type: ignore[union-attr]
        assert not any(acts(each) for each in process.calls[calls:])
    else:
        said = refused(await process.until("acme"), process, calls)
        assert "Create this AwsAccount again with another name" in said
        assert f"remove the tag {TAG_OWNER}" in said
    assert await tags(factory, before) == before_tags


async def test_another_owner_gets_an_account_under_another_name(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    before = await gone(factory, process)
    await factory.add("other", email=SECOND)
    account = await process.until("other")
    assert account.status.phase == "active"
    assert account.status.aws_account_id != before.status.aws_account_id


@pytest.mark.parametrize("by_number", [False, True])
async def test_the_same_owner_gets_it_back_and_the_tag_names_the_new_object(factory: Factory, by_number: bool) -> None:
    process = await factory.active(email=FIRST)
    before = await gone(factory, process)
    number: dict[str, Any] = {"awsAccountId": before.status.aws_account_id} if by_number else {}
    await factory.add(email=FIRST.upper(), **number)
    account = await process.until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("active", before.status.aws_account_id)
    assert account.metadata.uid != before.metadata.uid
    assert (await tags(factory, account))[TAG_UID] == account.metadata.uid
    assert process.calls.count("organizations:TagResource") == 1


async def test_an_object_restored_with_its_status_goes_on(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    before = await gone(factory, process)
    await factory.add(email=FIRST, githubRepos=["o/r"])
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": before.status.to_wire()})
    account = await process.until("acme")
    assert (account.status.phase, account.status.github_repos) == ("active", ["o/r"])
    assert (await tags(factory, account))[TAG_UID] == account.metadata.uid
    assert "organizations:CreateAccount" not in process.calls[process.calls.index("ses:SendEmail") :]


async def test_an_account_of_an_earlier_release_gets_its_tags_at_the_next_comparison(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    account = await as_made_by_an_earlier_release(factory)
    events, writes = len(process.events), len(factory.cluster.writes)
    assert await process.resync(account) is False, "no drift"
    found = AccountTags.read(await tags(factory, account))
    assert (found.uid, found.owner) == (account.metadata.uid, email_mark(FIRST))
    assert (len(process.events), len(factory.cluster.writes)) == (events, writes)
    await process.resync(account)
    assert process.calls.count("organizations:TagResource") == 1


async def test_a_tag_that_can_not_be_written_holds_up_no_suspension(factory: Factory) -> None:
    await factory.active(email=FIRST)
    await as_made_by_an_earlier_release(factory)
    process = await factory.start()
    process.before_call = refusal("organizations:TagResource", "AccessDeniedException")
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert account.status.phase == "suspended"
    process.before_call = lambda operation, number: None
    await factory.change(suspended=False)
    await assert_exactly_right(factory, await process.until("acme"), mails=0)
    assert AccountTags.read(await tags(factory, account)).names(email_mark(FIRST))


async def test_of_an_earlier_release_the_account_of_another_owner_is_known_by_who_signs_in(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    before = await as_made_by_an_earlier_release(factory)
    await gone(factory, process)
    calls = len(process.calls)
    await factory.add(email=SECOND)
    assert "as an earlier owner would" in refused(await process.until("acme"), process, calls)
    await hand_over(factory, process, before)
    await factory.accounts.merge(NAMESPACE, "acme", RETRY)
    account = await process.until("acme", lambda each: each.status.aws_account_id is not None)
    assert AccountTags.read(await tags(factory, account)).owner == email_mark(SECOND)


async def test_of_an_earlier_release_the_same_owner_gets_it_back(factory: Factory) -> None:
    process = await factory.active(email=FIRST)
    before = await as_made_by_an_earlier_release(factory)
    await gone(factory, process)
    await factory.add(email=FIRST)
    account = await process.until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("active", before.status.aws_account_id)


@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize("owner", [FIRST, SECOND])
async def test_an_earlier_releases_suspended_account_needs_somebody_to_name_its_owner(
    factory: Factory, owner: str, by_number: bool
) -> None:
    """Single sign-on was taken from the first owner, who may have an access key and would be let in again."""
    process = await factory.active(email=FIRST)
    before = await as_made_by_an_earlier_release(factory)
    await factory.change(suspended=True)
    assert (await process.until("acme")).status.phase == "suspended"
    await untag(factory, before, TAG_UID, TAG_OWNER)
    before, calls = await gone(factory, process), len(process.calls)
    number: dict[str, Any] = {"awsAccountId": before.status.aws_account_id} if by_number else {}
    await factory.add(email=owner, **number)
    account = await process.until("acme")
    assert "nothing shows whose it was" in refused(account, process, calls)
    organizations = await factory.client("organizations")
    tag: Any = {"Key": TAG_UID, "Value": account.metadata.uid}
    assert f"{tag['Key']}={tag['Value']}" in (account.status.error or "")
    organizations.tag_resource(ResourceId=before.status.aws_account_id, Tags=[tag])
    await factory.accounts.merge(NAMESPACE, "acme", RETRY)
    account = await process.until("acme", lambda each: each.status.aws_account_id is not None)
    assert AccountTags.read(await tags(factory, account)).names(email_mark(owner))


async def test_a_forged_status_that_is_all_done_proves_nothing(factory: Factory) -> None:
    """It may say that the account was its own all along, which an earlier release's account is believed for."""
    process = await factory.active(email=FIRST)
    before = await as_made_by_an_earlier_release(factory)
    await untag(factory, before, TAG_RESOURCE)
    process, calls = await factory.start(), 0
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert find(account.status.conditions, "Stalled").reason == "NotOurAccount"  # type: ignore[union-attr]
    assert not any(acts(each) for each in process.calls[calls:])


async def customer(factory: Factory, name: str, email: str) -> None:
    await factory.customers.create(NAMESPACE, {"metadata": {"name": name}, "spec": {"email": email}})


async def test_a_customers_account_is_not_another_customers_with_the_same_address(factory: Factory) -> None:
    await customer(factory, "cus-1", FIRST)
    await customer(factory, "cus-2", FIRST)
    process = await factory.active(email=None, customerRef={"name": "cus-1"})
    before = await gone(factory, process)
    assert (await tags(factory, before))[TAG_OWNER] == f"{customer_mark('cus-1')}+{email_mark(FIRST)}"
    calls = len(process.calls)
    await factory.add(email=None, customerRef={"name": "cus-2"})
    refused(await process.until("acme"), process, calls)


@pytest.mark.parametrize("by_number", [False, True])
async def test_who_has_the_name_of_an_earlier_customer_does_not_get_its_account(
    factory: Factory, by_number: bool
) -> None:
    """A Customer's name may be used again as an AwsAccount's may: the first one still signs in."""
    await customer(factory, "team", FIRST)
    process = await factory.active(email=None, customerRef={"name": "team"})
    before = await gone(factory, process)
    factory.cluster.delete("Customer", NAMESPACE, "team")
    await customer(factory, "team", SECOND)
    number: dict[str, Any] = {"awsAccountId": before.status.aws_account_id} if by_number else {}
    calls = len(process.calls)
    await factory.add(email=None, customerRef={"name": "team"}, **number)
    assert "another e-mail address" in refused(await process.until("acme"), process, calls)
    await hand_over(factory, process, before)
    await factory.accounts.merge(NAMESPACE, "acme", RETRY)
    account = await process.until("acme", lambda each: each.status.aws_account_id is not None)
    assert account.status.aws_account_id == before.status.aws_account_id


async def test_a_customer_made_again_with_the_same_address_gets_its_account_back(factory: Factory) -> None:
    await customer(factory, "team", FIRST)
    process = await factory.active(email=None, customerRef={"name": "team"})
    before = await gone(factory, process)
    factory.cluster.delete("Customer", NAMESPACE, "team")
    await customer(factory, "team", FIRST.upper())
    await factory.add(email=None, customerRef={"name": "team"})
    account = await process.until("acme", lambda each: each.status.aws_account_id is not None)
    assert account.status.aws_account_id == before.status.aws_account_id


async def test_orphans_prints_the_customer_that_the_tag_names(factory: Factory) -> None:
    await customer(factory, "cus-1", FIRST)
    process = await factory.active(email=None, customerRef={"name": "cus-1"})
    await gone(factory, process)
    known = [await factory.customers.get(NAMESPACE, "cus-1")]
    (orphan,) = (await find_orphans(process.deps.aws, factory.settings, [], known)).orphans
    assert orphan.spec["customerRef"] == {"name": "cus-1"}
    (orphan,) = (await find_orphans(process.deps.aws, factory.settings, [])).orphans
    assert "email" not in orphan.spec, "an account of an address is not in the Customer's list"
    assert f"Users with single sign-on: {FIRST}" in orphan.manifest(), "and whoever wants it can write the address in"


def test_tags_hold_letters_that_aws_takes_and_no_address() -> None:
    spec = {"email": "O'Hara+müller%@Example.com"}
    meta = {"name": "a" * 192, "namespace": "n" * 63, "uid": "6d0ae8a4-5a5f-5ad8-9f4b-5a7bb0a9f1c1"}
    found = tags_for(AwsAccount.model_validate({"metadata": meta, "spec": spec}), spec["email"])
    assert all(re.fullmatch(r"[\w .:/=+@-]{1,256}", each, re.ASCII) for each in found.values())
    assert "hara" not in str(found).lower()
    assert found[TAG_OWNER] == email_mark("o'hara+MÜLLER%@example.com")
