"""A status that was lost while its account is not wanted: the AWS account is searched for, and closed as wished."""

from collections.abc import Mapping
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, refusal

from batteries_crds.conditions import find, is_true
from batteries_crds.names import TAG_OWNER, TAG_RESOURCE

WORKFLOW = "repo:octo-org/web:ref:refs/heads/main"
OPEN = ["octo-org/web"]


def lose_status(factory: Factory) -> None:
    """As a restore without the status does."""
    factory.cluster.objects["AwsAccount", NAMESPACE, "acme"].pop("status")
    factory.cluster.touch("AwsAccount", NAMESPACE, "acme")


async def state(factory: Factory) -> Any:
    (member,) = [each for each in (await factory.standin("accounts"))["accounts"] if each["tags"].get(TAG_RESOURCE)]
    return member["state"]


async def test_an_account_whose_status_was_lost_is_found_and_its_doors_are_closed(factory: Factory) -> None:
    await factory.active(githubRepos=OPEN)
    before = await factory.account()
    lose_status(factory)
    await factory.change(suspended=True)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id == before.status.aws_account_id
    assert all(is_true(account.status.conditions, each) for each in ("Quarantined", "SSORevoked", "Suspended"))
    assert not await factory.admits(before, WORKFLOW)
    await factory.change(suspended=False)
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_no_account_is_looked_for_twice(factory: Factory) -> None:
    await factory.add(suspended=True)
    account = await (await factory.start()).until("acme")
    condition = find(account.status.conditions, "AccountSearched")
    assert condition is not None
    assert (condition.status, condition.message) == ("True", "No AWS account was made for it.")
    process = await factory.start()
    await process.until("acme")
    assert process.calls == []


async def test_an_account_that_is_held_without_a_status_is_found_as_well(factory: Factory) -> None:
    await factory.active(githubRepos=OPEN)
    before = await factory.account()
    lose_status(factory)
    await factory.accounts.merge_status(
        NAMESPACE, "acme", {"status": {"holds": {"CustomerBlocked": {"since": "2026-01-01T00:00:00Z"}}}}
    )
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "Suspended")
    assert not await factory.admits(before, WORKFLOW)


async def test_a_deleted_account_without_a_status_is_closed_in_aws(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    lose_status(factory)
    delete(factory)
    process = await factory.start()
    await released(process)
    assert await state(factory) == "CLOSED", (process.calls, (await factory.account()).status)


async def test_a_search_that_aws_does_not_answer_is_tried_again_before_an_account_goes(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    lose_status(factory)
    delete(factory)
    process = await factory.start()
    process.before_call = refusal("organizations:ListAccounts", "InternalServerException", http_status=500, times=7)
    await released(process)
    assert await state(factory) == "CLOSED"


@pytest.mark.parametrize("tags", [{"aibatteriesincluded.com/uid": "another"}, {TAG_RESOURCE: "other/one"}])
async def test_a_deleted_account_closes_none_that_another_object_had(factory: Factory, tags: dict[str, str]) -> None:
    await factory.active(deletionPolicy="Close")
    await _tag(factory, tags)
    lose_status(factory)
    delete(factory)
    await factory.change(deletionPolicy="Retain") if TAG_RESOURCE in tags else None
    await released(await factory.start())
    assert await state(factory) == "ACTIVE"


async def test_a_deleted_account_closes_none_that_left_the_organization(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    lose_status(factory)
    delete(factory)
    process = await factory.start()
    process.before_call = refusal("organizations:ListTagsForResource", "TargetNotFoundException")
    await released(process)
    assert process.calls.count("organizations:ListTagsForResource") == 1
    assert await state(factory) == "ACTIVE"


async def test_tags_that_aws_does_not_show_are_asked_for_again_before_an_account_goes(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    lose_status(factory)
    delete(factory)
    process = await factory.start()
    process.before_call = refusal(
        "organizations:ListTagsForResource", "InternalServerException", http_status=500, times=2
    )
    await released(process)
    assert await state(factory) == "CLOSED"


async def test_a_kept_account_is_released_without_a_call(factory: Factory) -> None:
    await factory.active()
    lose_status(factory)
    delete(factory)
    process = await factory.start()
    await released(process)
    assert process.calls == []


async def test_an_account_without_its_tag_is_not_called_suspended(factory: Factory) -> None:
    await factory.active()
    await _tag(factory, {TAG_RESOURCE: None})
    lose_status(factory)
    await factory.change(suspended=True)
    account = await (await factory.start()).until("acme")
    assert not is_true(account.status.conditions, "Suspended")
    ready = find(account.status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "NotOurAccount")


async def test_the_account_of_an_earlier_owner_is_left_and_told_of(factory: Factory) -> None:
    await factory.active(githubRepos=OPEN)
    before = await factory.account()
    await _tag(factory, {"aibatteriesincluded.com/uid": "another", TAG_OWNER: "email:somebody"})
    lose_status(factory)
    await factory.change(suspended=True)
    process = await factory.start()
    account = await process.until("acme")
    assert (is_true(account.status.conditions, "Suspended"), account.status.aws_account_id) == (True, None)
    assert "Warning" in {kind for kind, _ in process.events}
    assert await factory.admits(before, WORKFLOW)


async def _tag(factory: Factory, tags: Mapping[str, str | None]) -> None:
    account = await factory.account()
    organizations, member = await factory.client("organizations"), account.status.aws_account_id
    for key, value in tags.items():
        if value is None:
            organizations.untag_resource(ResourceId=member, TagKeys=[key])
        else:
            organizations.tag_resource(ResourceId=member, Tags=[{"Key": key, "Value": value}])
