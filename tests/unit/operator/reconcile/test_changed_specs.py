"""What a changed spec does to an account that is active, and who may deploy into it."""

from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import Factory, acts, settings, tally

from batteries_crds.conditions import READY, STALLED, find, is_true

SUBJECT = "repo:octo-org/web:ref:refs/heads/main"
PINNED = "repo:octo-org@1/web@2:ref:refs/heads/main"


async def test_changed_repositories_run_that_step_alone_and_the_account_stays_active(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    phases: list[str] = []
    factory.cluster.after_write = lambda _: phases.append(
        factory.cluster.objects["AwsAccount", "customers", "acme"]["status"]["phase"]
    )
    await factory.change(githubRepos=["octo-org/web", "octo-org/api"])
    process.calls.clear()
    account = await process.until("acme")
    assert tally(process.calls) == {
        "iam:GetOpenIDConnectProvider": 2,
        "iam:GetRole": 3,  # the third sees that there is no read-only role
        "iam:UpdateAssumeRolePolicy": 1,
        "iam:ListAttachedRolePolicies": 2,
    }
    assert set(phases) == {"active"}
    assert account.status.github_repos == ["octo-org/web", "octo-org/api"]
    assert account.status.observed_generation == 2
    await assert_exactly_right(factory, account)


async def test_the_same_repositories_in_another_order_cost_no_call(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web", "octo-org/api"])
    await factory.change(githubRepos=["octo-org/api", "octo-org/web"])
    process.calls.clear()
    account = await process.until("acme")
    assert process.calls == []
    assert account.status.observed_generation == 2


@pytest.mark.parametrize(
    ("listed", "admitted", "denied"),
    [
        pytest.param(
            ["octo-org/web"],
            [SUBJECT, PINNED],
            [
                "repo:octo-org/web2:ref:refs/heads/main",
                "repo:octo-org@1/web2@2:ref:refs/heads/main",
                "repo:evil/web:ref:refs/heads/main",
                # The branch `a/web@2` of another repository of the same owner, with a customised claim after it.
                "repo:octo-org@1/evil@3:ref:refs/heads/a/web@2:job_workflow_ref:y",
            ],
            id="by name",
        ),
        pytest.param(
            ["octo-org@1/web@2"], [PINNED], [SUBJECT, "repo:octo-org@9/web@2:ref:refs/heads/main"], id="by pinned ids"
        ),
        pytest.param([], [], [SUBJECT, PINNED], id="none"),
    ],
)
async def test_exactly_the_listed_repositories_may_deploy(
    factory: Factory, listed: list[str], admitted: list[str], denied: list[str]
) -> None:
    await factory.active(githubRepos=listed)
    account = await factory.account()
    assert [subject for subject in admitted + denied if await factory.admits(account, subject)] == admitted


@pytest.fixture
async def active_factory(factory: Factory) -> Factory:
    await factory.active(githubRepos=["first/one"])
    assert await factory.admits(await factory.account(), "repo:first/one:ref:refs/heads/main")
    return factory


async def test_removing_every_repository_closes_the_role_and_listing_one_opens_it(active_factory: Factory) -> None:
    process = await active_factory.start()
    for repositories in ([], ["octo-org/web"]):
        await active_factory.change(githubRepos=repositories)
        account = await process.until("acme")
        assert account.status.phase == "active"
        assert await active_factory.admits(account, SUBJECT) is bool(repositories)
        assert not await active_factory.admits(account, "repo:first/one:ref:refs/heads/main")


TOO_MANY = [f"octo-org/a-repository-with-a-long-name-{number}" for number in range(40)]


async def test_a_list_too_long_changes_nothing_and_says_so(active_factory: Factory) -> None:
    process = await active_factory.start()
    await active_factory.change(githubRepos=TOO_MANY)
    process.calls.clear()
    account = await process.until("acme")
    assert not any(acts(call) for call in process.calls), "it only looked at whose account it is"
    assert process.calls.count("iam:GetRole") == 2, "of readers and agents, who don't depend on the list"
    failure = find(account.status.conditions, "OIDCConfigured")
    assert failure is not None
    assert (failure.status, failure.reason) == ("False", "TrustPolicyTooLarge")
    assert "List fewer repositories" in (account.status.error or "")
    assert account.status.phase == "active"
    assert account.status.github_repos == ["first/one"], "what AWS admits now"
    assert is_true(account.status.conditions, STALLED)
    assert not is_true(account.status.conditions, READY)
    assert await active_factory.admits(account, "repo:first/one:ref:refs/heads/main"), "the old trust stands"
    assert process.events == [("Warning", "TrustPolicyTooLarge")]
    await process.until("acme")
    assert len(process.events) == 1, "said once"


async def test_a_shorter_list_mends_it(active_factory: Factory) -> None:
    process = await active_factory.start()
    for repositories in (TOO_MANY, ["octo-org/web"]):
        await active_factory.change(githubRepos=repositories)
        account = await process.until("acme")
    await assert_exactly_right(active_factory, account)


@pytest.mark.parametrize(
    ("operator_settings", "standin_settings"),
    [(settings(trust_policy_limit=8192), {"trust_policy_size": 8192})],
)
async def test_a_raised_quota_takes_the_longer_list(factory: Factory) -> None:
    await factory.active(githubRepos=TOO_MANY)
    await assert_exactly_right(factory, await factory.account())


async def test_a_list_too_long_from_the_start_fails_the_new_account(factory: Factory) -> None:
    await factory.add(githubRepos=TOO_MANY)
    account = await (await factory.start()).until("acme")
    assert (account.status.phase, account.status.provisioning_step) == ("failed", "failed")


async def test_a_change_during_the_walk_is_not_lost(factory: Factory) -> None:
    """The list changes after the role was made for the old one and before that was written down."""
    await factory.add(githubRepos=["octo-org/old"])
    process = await factory.start()
    changed: list[Any] = []

    def change(operation: str, _: int) -> None:
        if operation == "iam:AttachRolePolicy" and not changed:
            body = {"spec": {"githubRepos": ["octo-org/new"]}}
            changed.append(factory.cluster.patch("AwsAccount", "customers", "acme", body))

    process.after_call = change
    account = await process.until("acme")
    if account.status.github_repos != ["octo-org/new"]:
        account = await process.until("acme")  # the reconcile of the old generation ends; the next sees the new one
    await assert_exactly_right(factory, account)
    assert account.status.observed_generation == account.metadata.generation == 2
    assert await factory.admits(account, "repo:octo-org/new:ref:x")
    assert not await factory.admits(account, "repo:octo-org/old:ref:x")
