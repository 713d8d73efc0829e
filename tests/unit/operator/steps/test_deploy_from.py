"""Where deployments come from: what the spec lists, the roles in AWS admit, and a change of it is one step's work."""

import asyncio
import json
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right, observe
from fakes.deletion import delete
from fakes.factory import NAMESPACE, Factory, Process, acts, settings

from batteries_crds.conditions import find, is_true
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME, every_run, nobody, provider_arn, render
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps import setup_oidc

REPOSITORIES = ["octo-org/web"]
MAIN = {"branches": ["main"]}
REQUESTS = {"pullRequests": True}
API = {"repository": "octo-org@1/api@2", "deployFrom": {"tags": ["v*"]}, "readOnlyFrom": {}}
HEADS = "repo:octo-org/web:ref:refs/heads"
BOUND = "arn:aws:iam::aws:policy/PowerUserAccess"
OTHER = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
DENIES = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}'


async def _iam(factory: Factory) -> Any:
    return await factory.client("iam", (await factory.account()).status.aws_account_id)


async def _role(factory: Factory, name: str = READ_ONLY_ROLE_NAME) -> Any:
    iam = await _iam(factory)
    return (await asyncio.to_thread(iam.get_role, RoleName=name))["Role"]


async def _quiet(factory: Factory, process: Process) -> None:
    """A second comparison finds nothing to do, and says nothing."""
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert not await process.resync(await factory.account())
    assert not any(acts(each) for each in process.calls[calls:])
    assert len(factory.cluster.writes) == writes


async def test_a_change_of_the_runs_is_one_steps_work(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    account = await factory.account()
    assert await factory.admits(account, f"{HEADS}/feature")
    before, history = len(process.calls), len(account.status.history)
    await factory.change(deployFrom=MAIN, repositories=[API], readOnlyFrom=REQUESTS)
    account = await process.until("acme")
    assert account.status.phase == "active"
    assert {event.step for event in account.status.history[history:]} == {"setup_oidc"}
    made = [call for call in process.calls[before:] if acts(call)]
    assert sorted(made) == ["iam:AttachRolePolicy", "iam:CreateRole", "iam:UpdateAssumeRolePolicy"]
    assert account.status.github_repos == ["octo-org/web", "octo-org@1/api@2"]
    assert account.status.read_only_repos == ["octo-org/web"], "an empty object of its own is nobody"
    assert await factory.admits(account, f"{HEADS}/main")
    assert not await factory.admits(account, f"{HEADS}/feature")
    assert not await factory.admits(account, "repo:octo-org/web:pull_request")
    assert await factory.admits(account, "repo:octo-org@1/api@2:ref:refs/tags/v1")
    assert not await factory.admits(account, "repo:octo-org@1/api@2:ref:refs/heads/main"), "its own replaces the rest"
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert said.message.startswith(
        "GitHubActionsDeployRole admits octo-org/web (branch main), octo-org@1/api@2 (tag v*). "
        "GitHubActionsReadOnlyRole admits octo-org/web (pull requests). "
    )
    assert not is_true(account.status.conditions, "Pinned")
    await assert_exactly_right(factory, account)
    await _quiet(factory, process)
    await factory.change(githubRepos=[])
    account = await process.until("acme")
    assert is_true(account.status.conditions, "Pinned")


async def test_a_spec_without_runs_has_the_fingerprint_and_the_policy_of_before(factory: Factory) -> None:
    """An upgrade makes nothing pending, and no comparison finds a difference."""
    await factory.active(githubRepos=["z/z", "a@1/a@2"])
    account = await factory.account()
    assert setup_oidc.inputs(account) == ["a@1/a@2", "z/z"]
    assert account.status.read_only_role_arn is None
    provider = provider_arn(str(account.status.aws_account_id))
    seen = await observe(factory, account)
    assert seen.trust == render(every_run(["a@1/a@2", "z/z"]), provider, limit=2048)
    assert READ_ONLY_ROLE_NAME not in seen.roles


async def test_an_account_of_an_earlier_release_is_told_about_at_its_next_comparison(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    account = await factory.account()
    kept = [each for each in account.status.to_wire()["conditions"] if each["type"] != "Pinned"]
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"conditions": kept}})
    process = await factory.start()
    assert not process.controller.observe(await factory.account()), "a restart leaves it alone"
    writes = len(factory.cluster.writes)
    assert not await process.resync(await factory.account())
    assert len(factory.cluster.writes) == writes + 1
    assert find((await factory.account()).status.conditions, "Pinned") is not None
    assert process.events == []
    await _quiet(factory, process)


async def test_repositories_whose_runs_are_all_shut_out(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES, deployFrom={})
    account = await factory.account()
    assert account.status.github_repos == []
    assert find(account.status.conditions, "Pinned") is None
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert "admits nobody, because no repository is listed, or none of its runs." in said.message
    assert (await _role(factory, ROLE_NAME))["AssumeRolePolicyDocument"] == nobody()


async def test_readers_come_and_go_and_the_role_stays(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    arn = (await factory.account()).status.read_only_role_arn
    assert arn is not None
    assert arn.endswith(f":role/{READ_ONLY_ROLE_NAME}")
    assert await factory.admits(await factory.account(), "repo:octo-org/web:pull_request", role=READ_ONLY_ROLE_NAME)
    await factory.change(readOnlyFrom=None)
    account = await process.until("acme")
    assert (account.status.read_only_role_arn, account.status.read_only_repos) == (arn, None)
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert "GitHubActionsReadOnlyRole admits nobody." in said.message
    assert (await _role(factory))["AssumeRolePolicyDocument"] == nobody()
    await assert_exactly_right(factory, account)
    await _quiet(factory, process)


async def test_a_role_that_the_status_has_forgotten_is_shut(factory: Factory) -> None:
    """As after a backup of Kubernetes that is older than the wish for readers."""
    process = await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    forgotten = {"readOnlyRoleArn": None, "readOnlyRepos": None}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": forgotten})
    await factory.change(readOnlyFrom=None)
    await process.until("acme")
    assert (await _role(factory))["AssumeRolePolicyDocument"] == nobody()


async def test_suspension_shuts_out_readers_and_resumption_lets_them_in(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert (account.status.phase, account.status.read_only_repos) == ("suspended", None)
    assert find(account.status.conditions, "Pinned") is None
    assert (await _role(factory))["AssumeRolePolicyDocument"] == nobody()
    iam = await _iam(factory)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=READ_ONLY_ROLE_NAME, PolicyDocument=DENIES)
    await process.resync(account)
    assert (await _role(factory))["AssumeRolePolicyDocument"] == nobody(), "an owner can't open it meanwhile"
    await factory.change(suspended=False)
    account = await process.until("acme")
    assert account.status.read_only_repos == REPOSITORIES
    await assert_exactly_right(factory, account, mails=0)


@pytest.mark.parametrize("operator_settings", [settings(retained_access="remove")])
async def test_a_deletion_that_removes_access_shuts_out_readers(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    iam = await _iam(factory)
    delete(factory)
    await process.until("acme")
    role = (await asyncio.to_thread(iam.get_role, RoleName=READ_ONLY_ROLE_NAME))["Role"]
    assert role["AssumeRolePolicyDocument"] == nobody()


@pytest.mark.parametrize("wanted", [True, False])
async def test_somebody_elses_role_is_told_only_if_it_is_wanted(factory: Factory, wanted: bool) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    iam = await _iam(factory)
    await asyncio.to_thread(iam.create_role, RoleName=READ_ONLY_ROLE_NAME, AssumeRolePolicyDocument=DENIES)
    await factory.change(deployFrom=MAIN, readOnlyFrom=REQUESTS if wanted else None)
    account = await process.until("acme")
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert said.reason == ("RoleNotOurs" if wanted else "Done")
    assert READ_ONLY_ROLE_NAME in said.message
    assert (await _role(factory))["AssumeRolePolicyDocument"] == json.loads(DENIES), "left as it was"
    assert not await factory.admits(account, f"{HEADS}/feature"), "the deploy role is done nevertheless"
    assert account.status.read_only_role_arn is None


@pytest.mark.parametrize("damage", ["trust", "role", "policy"])
async def test_what_an_owner_does_to_the_role_is_drift_and_reverted(factory: Factory, damage: str) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    iam, arn = await _iam(factory), "arn:aws:iam::aws:policy/ReadOnlyAccess"

    def damaged() -> None:
        if damage == "trust":
            iam.update_assume_role_policy(RoleName=READ_ONLY_ROLE_NAME, PolicyDocument=DENIES)
            return
        iam.detach_role_policy(RoleName=READ_ONLY_ROLE_NAME, PolicyArn=arn)
        if damage == "role":
            iam.delete_role(RoleName=READ_ONLY_ROLE_NAME)

    await asyncio.to_thread(damaged)
    assert await process.resync(await factory.account())
    assert ("Warning", "Drift") in process.events
    await assert_exactly_right(factory, await factory.account())
    await _quiet(factory, process)


async def test_a_list_of_readers_that_does_not_fit_fails_before_there_is_an_account(factory: Factory) -> None:
    many = {"environments": [f"{'e' * 200}-{number}" for number in range(20)]}
    await factory.add(githubRepos=REPOSITORIES, readOnlyFrom=many)
    process = await factory.start()
    account = await process.until("acme")
    said = find(account.status.conditions, "AccountRequested")
    assert said is not None
    assert said.reason == "TrustPolicyTooLarge"
    assert "List fewer repositories and fewer branches, tags and environments" in said.message
    assert "organizations:CreateAccount" not in process.calls


async def test_a_boundary_reaches_existing_roles_by_comparison_and_is_no_drift(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    factory.settings = settings(deploy_boundary_arn=BOUND)
    process = await factory.start()
    assert not process.controller.observe(await factory.account()), "a restart leaves it alone"
    assert not await process.resync(await factory.account())
    assert "Drift" not in {reason for _, reason in process.events}
    account = await factory.account()
    assert account.status.deploy_boundary_arn == BOUND
    await assert_exactly_right(factory, account)
    await _quiet(factory, process)
    iam = await _iam(factory)
    await asyncio.to_thread(iam.delete_role_permissions_boundary, RoleName=ROLE_NAME)
    assert await process.resync(account)
    assert ("Warning", "Drift") in process.events
    await assert_exactly_right(factory, await factory.account())


@pytest.mark.parametrize("operator_settings", [settings(deploy_boundary_arn=BOUND, read_only_policy_arn=OTHER)])
async def test_new_roles_get_the_policy_and_the_boundary_of_the_settings(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES, readOnlyFrom=REQUESTS)
    seen = await observe(factory, await factory.account())
    assert seen.roles[READ_ONLY_ROLE_NAME] == [OTHER]
    assert seen.boundary == BOUND
    assert seen.agents_boundary is None


@pytest.mark.parametrize("wrong", ["ReadOnlyAccess", "arn:aws:iam::111122223333:policy/Ours"])
def test_a_policy_must_be_one_that_every_account_has(wrong: str) -> None:
    for name in ("read_only_policy_arn", "deploy_boundary_arn"):
        with pytest.raises(ValueError, match="should match pattern"):
            Settings.model_validate({name: wrong})
    with pytest.raises(ValueError, match="should match pattern"):
        Settings(read_only_policy_arn="")
